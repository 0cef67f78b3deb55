"""A charter says what people said: the winner of each context, who contests it, and how many stand behind."""

import pytest

from pluralign.core.constitution import Contest
from pluralign.core.documents import parse, validate
from pluralign.core.errors import UsageError
from pluralign.core.moral_graph import Construction, Edge, EdgeCounts, GroupSupport, MoralGraph, Standing
from pluralign.core.value_card import ValueCard
from pluralign.graph.charter import principle_id, write_charter

HOME, WORK = "When at home", "When at work"


def card(name: str, *policies: str) -> ValueCard:
    return ValueCard(
        id=name, title=f"Title {name}", description=f"About {name}.", policies=policies or (f"SIGNS of {name}",)
    )


def edge(source: str, wiser: str, w: int, n: int = 0, context: str = HOME, participants: int | None = None) -> Edge:
    return Edge(
        source=source,
        wiser=wiser,
        contexts=(context,),
        counts=EdgeCounts(wiser=w, not_wiser=n, less_wise=0, unsure=0, impressions=w + n),
        participants=participants,
        likelihood=w / (w + n),
        entropy=0.0,
        support=w / (w + n),
    )


def graph(*edges: Edge, standings: tuple[Standing, ...] = (), contexts: tuple[str, ...] = (HOME,)) -> MoralGraph:
    names = dict.fromkeys(end for edge in edges for end in (edge.source, edge.wiser))
    return MoralGraph(
        values=tuple(card(name) for name in names),
        edges=edges,
        standings=standings,
        contexts=contexts,
        participants=40,
        construction=Construction(mode="imported", pooled=False),
    )


def test_the_winner_becomes_a_principle_that_names_its_people() -> None:
    charter = write_charter(graph(edge("a", "b", 9, 3), edge("c", "b", 4)), title="Ours", collective="town")
    (principle,) = charter.constitution.principles
    assert principle.id == "b@when-at-home"
    assert principle.context == HOME
    assert principle.title == "Title b"
    assert principle.description == "About b."
    (citation,) = principle.citations
    # 9 people on one edge and 4 on the other may be the same 4: at least 9 people gave these 13 answers.
    assert (citation.card, citation.people, citation.people_exact, citation.judgements) == ("b", 9, False, 13)
    assert not principle.contested
    assert charter.constitution.participants == 40
    assert charter.constitution.collective == "town"


def test_the_requests_carry_situation_and_attention_policies() -> None:
    (principle,) = write_charter(graph(edge("a", "b", 3))).constitution.principles
    for text in (principle.critique_request, principle.revision_request):
        assert "The situation: When at home." in text
        assert "\n- SIGNS of b\n" in text
    assert "“Title b”" in principle.critique_request
    assert principle.drafted


def test_each_context_has_a_winner_of_its_own_and_one_without_edges_is_reported() -> None:
    charter = write_charter(
        graph(edge("a", "b", 3), edge("b", "a", 4, context=WORK), contexts=(HOME, WORK, "When ill"))
    )
    assert [principle.id for principle in charter.constitution.principles] == ["b@when-at-home", "a@when-at-work"]
    assert charter.without_winner == ("When ill",)


def test_a_value_that_nobody_outranked_is_kept_beside_the_winner() -> None:
    # b wins with 2 edges; d was found wiser than c and nothing wiser than d; c was outranked by d.
    (principle,) = write_charter(
        graph(edge("a", "b", 5), edge("e", "b", 5), edge("x", "c", 4, 3), edge("c", "d", 4, 3))
    ).constitution.principles
    assert principle.id.startswith("b@")
    (alternative,) = principle.alternatives
    assert alternative.citation.card == "d"
    assert alternative.reasons == (Contest.not_outranked,)
    assert "\n- SIGNS of d\n" in alternative.revision_request


def test_a_value_found_wiser_than_the_winner_by_few_is_not_dropped() -> None:
    # b has the greater sum, but those who compared them found c wiser than b.
    (principle,) = write_charter(
        graph(edge("a", "b", 9), edge("e", "b", 9), edge("b", "c", 4, 2))
    ).constitution.principles
    assert principle.id.startswith("b@")
    assert [alternative.citation.card for alternative in principle.alternatives] == ["c"]


def test_values_in_a_circle_contest_each_other() -> None:
    (principle,) = write_charter(
        graph(edge("a", "b", 9), edge("b", "c", 5, 2), edge("c", "a", 5, 2))
    ).constitution.principles
    assert {alternative.citation.card for alternative in principle.alternatives} == {"a", "c"}
    assert all(Contest.cycle in alternative.reasons for alternative in principle.alternatives)


def test_a_close_second_is_kept_although_outranked() -> None:
    edges = (edge("a", "b", 9, 1), edge("b", "c", 10))
    (principle,) = write_charter(graph(*edges)).constitution.principles
    assert [alternative.reasons for alternative in principle.alternatives] == [(Contest.close,)]  # 0.9 of 1.0
    assert not write_charter(graph(*edges), close=0.95).constitution.principles[0].contested


def standing(value: str, rank: int, **more: object) -> Standing:
    return Standing.model_validate(
        {"value": value, "context": HOME, "rank": rank, "wisdom": 1 / rank, "page_rank": 0.1} | more
    )


def test_the_graphs_own_standings_decide_and_count_people() -> None:
    edges = (edge("a", "b", 9), edge("b", "c", 4, 2))
    ranked = (
        standing("c", 1, win_probability=0.55, supporters=4),
        standing("b", 2, win_probability=0.45, supporters=7),
        standing("a", 3, win_probability=0.0),
    )
    (principle,) = write_charter(graph(*edges, standings=ranked)).constitution.principles
    assert principle.id.startswith("c@")
    assert principle.win_probability == 0.55
    assert (principle.citations[0].people, principle.citations[0].people_exact) == (4, True)
    (alternative,) = principle.alternatives
    assert Contest.wins_resamples in alternative.reasons
    assert (alternative.citation.people, alternative.win_probability) == (7, 0.45)


def test_a_group_that_prefers_another_value_keeps_it_alive() -> None:
    def support(group: str, wiser: int) -> GroupSupport:
        return GroupSupport(attribute="area", group=group, wiser=wiser, total=10, participants=10)

    ranked = (
        standing("c", 1, groups=(support("north", 9), support("south", 2))),
        standing("b", 2, groups=(support("north", 1), support("south", 8))),
    )
    (principle,) = write_charter(
        graph(edge("a", "b", 5, 5), edge("b", "c", 10), standings=ranked)
    ).constitution.principles
    assert [alternative.reasons for alternative in principle.alternatives] == [(Contest.group_divided,)]


def test_people_are_never_more_than_took_part_in_an_edge() -> None:
    (principle,) = write_charter(graph(edge("a", "b", 9, participants=6))).constitution.principles
    assert principle.citations[0].people == 6


def test_the_same_graph_gives_the_same_charter() -> None:
    first = write_charter(graph(edge("a", "b", 3), edge("c", "d", 3))).constitution
    again = write_charter(graph(edge("a", "b", 3), edge("c", "d", 3))).constitution
    assert first.model_dump_json() == again.model_dump_json()
    assert validate(type(first), parse(first.model_dump_json(), "charter.json")) == first


def test_contexts_can_be_chosen_and_must_exist() -> None:
    both = graph(edge("a", "b", 3), edge("b", "a", 4, context=WORK), contexts=(HOME, WORK))
    assert len(write_charter(both, contexts=[WORK]).constitution.principles) == 1
    with pytest.raises(UsageError, match="no context 'When at sea'; it has 'When at home', 'When at work'"):
        write_charter(both, contexts=["When at sea"])


def test_a_graph_without_edges_gives_no_charter() -> None:
    with pytest.raises(UsageError, match="no winning value"):
        write_charter(graph())


def test_ids_are_readable_in_any_script() -> None:
    assert principle_id("7", "Când ești în dificultate") == "7@când-ești-în-dificultate"
    assert principle_id("7", "") == "7"


def test_a_card_without_policies_is_put_by_its_own_words() -> None:
    plain = graph(edge("a", "b", 3))
    seed = ValueCard(id="b", title="More trees in every street")
    named = plain.model_copy(update={"values": (plain.values[0], seed)})
    (principle,) = write_charter(named).constitution.principles
    assert "\n- More trees in every street\n" in principle.critique_request
