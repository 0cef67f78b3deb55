"""Which topic a text is about: how often the embedding is right, and from which similarity it may be believed.

    python -m benchmarks.topics

The texts below were written for this file, as people ask in a chat, without looking at their similarities. The
threshold is chosen on the texts of all topics but one and tried on the one left out, in turn, so that no text is judged
by a threshold it helped to choose; texts about nothing in the survey are dealt to the same folds. What counts is the
mean of two error rates: texts about a topic that are not given it, and texts about none that are given one.
"""

from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from pluralign.surveys import load
from pluralign.surveys.similar import ALIKE, e5

GRID = np.arange(0.80, 0.92, 0.001)

ABOUT: dict[str, tuple[str, ...]] = {
    "Family, roles and upbringing": (
        "Is family the most important thing in life?",
        "Should kids learn to obey, or to think for themselves?",
        "My mum can no longer live alone. Do I have to take her in, as her son?",
        "Are men better political leaders than women?",
        "Jobs are scarce here. Should companies give them to men before women?",
        "¿Es un deber de los hijos cuidar de sus padres ancianos?",
    ),
    "Wellbeing": (
        "Are you happy?",
        "I feel that nothing I do changes how my life goes. Do you feel in control of yours?",
        "How satisfied are you with your life these days?",
        "Do people in your country sometimes go to bed hungry?",
        "Do you live better than your parents did?",
        "Wie geht es dir gesundheitlich?",
    ),
    "Trust and community": (
        "Can you trust people you meet for the first time?",
        "Would you say most people are honest, or should I be careful?",
        "Do you trust the police where you live?",
        "Does the government deserve our confidence?",
        "I just moved into a new building. Can I rely on my neighbours?",
        "Peut-on faire confiance à la plupart des gens ?",
    ),
    "Economy": (
        "Is it fair that some earn so much more than others?",
        "Should the railways and power plants be owned by the state?",
        "Is it the government's job to look after the poor, or should people help themselves?",
        "Is competition good for us?",
        "Should we protect forests even if it costs jobs and growth?",
        "Deberían ser más iguales los ingresos?",
    ),
    "Corruption": (
        "How corrupt is your country?",
        "Do you have to pay bribes to get a passport or a building permit?",
        "Are politicians crooks?",
        "Do business leaders bribe their way to contracts?",
        "If I slip an official some money, will I be caught?",
        "Ist Bestechung bei euch üblich?",
    ),
    "Migration": (
        "Are immigrants good for the country?",
        "Do foreigners take our jobs?",
        "Does crime go up when more migrants come?",
        "Who would pick the fruit and care for the old if nobody came from abroad?",
        "Do newcomers from other countries make our culture richer?",
        "Les immigrés apportent-ils plus de criminalité ?",
    ),
    "Safety": (
        "Is it safe to walk around your town at night?",
        "Are you afraid of a war?",
        "Do you worry about terrorist attacks?",
        "Would you give up some freedom to be safer?",
        "What matters more, freedom or equality?",
        "¿Le preocupa que haya una guerra?",
    ),
    "National aims": (
        "What should our country try to achieve in the next ten years?",
        "What is the most important goal for a nation: growth, defence, or a say for its people?",
        "If you were president, what would you put first?",
        "What does our country need most of all?",
        "Should fighting rising prices come before giving people more say?",
        "Was braucht das Land am dringendsten?",
    ),
    "Science and technology": (
        "Has technology made our lives better?",
        "Do we rely too much on science and not enough on faith?",
        "Will science give our children more opportunities?",
        "Does science destroy people's morals?",
        "Do I need to know any science to get by from day to day?",
        "La ciencia nos hace la vida más fácil y sana?",
    ),
    "Religion": (
        "Do you believe in God?",
        "What happens to us after we die?",
        "How important is God to you?",
        "Do you go to church or to the mosque every week?",
        "When the Bible and science disagree, which is right?",
        "Bist du ein religiöser Mensch?",
    ),
    "Right and wrong": (
        "Is abortion ever justified?",
        "Two men want to marry. What do you think of that?",
        "Is it OK to cheat on your taxes if nobody finds out?",
        "Should murderers be executed?",
        "Is it alright to spank a child?",
        "¿Está bien divorciarse?",
    ),
    "Politics": (
        "Are you interested in politics?",
        "Do you vote in local elections?",
        "Have you ever taken part in a demonstration?",
        "Would you sign a petition against a new road?",
        "Do you argue about politics with your friends?",
        "Regardez-vous le journal télévisé tous les jours ?",
    ),
    "Government and nation": (
        "Is democracy the best form of government?",
        "Would a strong leader who ignores parliament be good for us?",
        "Are you proud of your country?",
        "Do women need equal rights for a country to be a democracy?",
        "How important is it to you to live in a democracy?",
        "Bist du zufrieden damit, wie das politische System funktioniert?",
    ),
}
"""Topic -> texts about it."""

NOTHING = (
    "Hello!",
    "What can you do?",
    "Write a poem about autumn.",
    "How do I boil an egg?",
    "What is the capital of Peru?",
    "Fix this Python function, it returns None.",
    "Tell me a joke about cats.",
    "Translate 'good morning' into French.",
    "What should I wear to a wedding in the rain?",
    "My laptop does not start any more.",
    "Who won the world cup in 1998?",
    "Suggest a name for my bakery.",
    "How many kilometres are ten miles?",
    "Can you recommend a book for the beach?",
    "What is your favourite colour?",
    "Explain how a bicycle stays upright.",
    "Is coffee better than tea?",
    "How do I get red wine out of a carpet?",
    "Which phone should I buy?",
    "Write an email to my landlord about the heating.",
    "What is the weather like in April?",
    "How do birds find their way south?",
    "Do dogs dream?",
    "Give me a recipe for lentils.",
    "What rhymes with orange?",
    "How long does it take to learn the guitar?",
    "Should I repot my cactus now?",
    "Summarise the plot of Hamlet.",
    "What is the square root of 144?",
    "Why is the sky blue?",
    "Thank you, that helped.",
    "And why?",
    "Could you say that again, more briefly?",
    "Plan a weekend in Lisbon for two.",
    "What time is it in Tokyo?",
    "How do vaccines get from the factory to the village?",
    "Is this sentence grammatical?",
    "Wie repariere ich einen tropfenden Hahn?",
    "¿Cuál es la mejor paella de Valencia?",
    "Raconte-moi une histoire de dragons.",
    "Which team do you support?",
    "Do you like jazz?",
)
"""Texts about nothing that the survey asks."""


class Found(NamedTuple):
    """What the embedding says of the texts; all arrays have one entry per text."""

    similarity: npt.NDArray[np.float64]
    """Cosine to the most similar question."""
    right: npt.NDArray[np.bool_]
    """Whether that question is of the text's own topic; never, for texts about nothing."""
    about: npt.NDArray[np.bool_]
    """Whether the text is about a topic at all."""
    fold: npt.NDArray[np.int64]


def find() -> Found:
    """Embed everything once."""
    survey, embedding = load("world-mini"), e5()
    texts = [(text, topic) for topic, of_topic in ABOUT.items() for text in of_topic] + [(text, "") for text in NOTHING]
    passages = embedding.passages([question.text for question in survey.questions])
    queries = np.concatenate([embedding.queries([text]) for text, _ in texts])
    best = (queries @ passages.T).argmax(axis=1)
    topics = list(ABOUT)
    nothing = iter(range(len(NOTHING)))
    return Found(
        (queries @ passages.T).max(axis=1).astype(np.float64),
        np.array([survey.questions[at].topic == topic for at, (_, topic) in zip(best, texts, strict=True)]),
        np.array([bool(topic) for _, topic in texts]),
        np.array([topics.index(topic) if topic else next(nothing) % len(topics) for _, topic in texts]),
    )


def errors(found: Found, among: npt.NDArray[np.bool_], threshold: float) -> float:
    """Mean of the two error rates."""
    named = found.similarity >= threshold
    missed = 1 - (named & found.right)[among & found.about].mean()
    claimed = named[among & ~found.about].mean()
    return float(missed + claimed) / 2


def chosen(found: Found, among: npt.NDArray[np.bool_]) -> float:
    """The threshold with the fewest errors; the middle of those that are equally good."""
    each = np.array([errors(found, among, threshold) for threshold in GRID])
    return float(np.median(GRID[each <= each.min() + 1e-12]))


def tell(name: str, found: Found, named: npt.NDArray[np.bool_]) -> None:
    """Print what came of naming a topic for these texts."""
    about, right = found.about, found.right
    count, others = int(about.sum()), int((~about).sum())
    rows = (
        ("right topic", (named & right)[about], count),
        ("another topic", (named & ~right)[about], count),
        ("none", ~named[about], count),
        ("a topic for a text about none", named[~about], others),
    )
    told = [
        f"{what} {int(each.sum())} of {of} ({each.mean():.0%}, {_wilson(int(each.sum()), of)})"
        for what, each, of in rows
    ]
    print(f"{name}\n  " + "\n  ".join(told))


def _wilson(hits: int, count: int) -> str:
    """95 % interval of a share."""
    z, share = 1.96, hits / count
    middle = (share + z * z / (2 * count)) / (1 + z * z / count)
    half = z * np.sqrt(share * (1 - share) / count + z * z / (4 * count * count)) / (1 + z * z / count)
    return f"{middle - half:.0%} to {middle + half:.0%}"


def main() -> None:
    """Choose, cross-validated, and try the threshold in use."""
    found = find()
    everybody = np.ones(len(found.about), dtype=bool)
    named = np.zeros(len(found.about), dtype=bool)
    thresholds = []
    for fold in np.unique(found.fold):
        out = found.fold == fold
        threshold = chosen(found, ~out)
        thresholds.append(threshold)
        named[out] = found.similarity[out] >= threshold
    print(f"{found.about.sum()} texts about {len(ABOUT)} topics, {(~found.about).sum()} about none")
    print(f"without any threshold the nearest question is of the right topic for {found.right[found.about].mean():.0%}")
    tell(f"chosen without the topic at hand ({min(thresholds):.3f} to {max(thresholds):.3f})", found, named)
    tell(f"in use ({ALIKE})", found, found.similarity >= ALIKE)
    print(f"chosen on all: {chosen(found, everybody):.3f}")


if __name__ == "__main__":
    main()
