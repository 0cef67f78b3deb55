"""Reading a Polis export: every column, and one clear sentence for every way a file can be wrong."""

from pathlib import Path

import pytest

from pluralign.core.errors import DataError
from pluralign.graph.polis import Moderation, Vote, read_export

COMMENTS = """timestamp,datetime,comment-id,author-id,agrees,disagrees,moderated,comment-body
1500000000000,x,10,1,0,0,-1,Buy my soap
1500000000000,x,1,1,1,1,0,"Schools, and parks"
1500000000000,x,0,1,2,1,1,"More ""green"" roofs"
"""
MATRIX = """participant,group-id,n-comments,n-votes,n-agree,n-disagree,0,1,10
7,0,3,3,2,0,1,1,0
8,1,0,2,1,1,1,-1,
9,,0,1,0,1,-1,,
"""
LONG = """timestamp,datetime,comment-id,voter-id,vote
1500000009,x,0,7,1
1500000001,x,0,7,-1
1500000002,x,1,7,1
1500000002,x,10,7,0
1500000003,x,0,8,1
1500000003,x,1,8,-1
1500000004,x,0,9,-1
"""


def write(folder: Path, **files: str) -> Path:
    for name, text in files.items():
        (folder / f"{name.replace('_', '-')}.csv").write_text(text)
    return folder


def test_the_matrix_form_is_read_to_the_last_column(tmp_path: Path) -> None:
    read = read_export(write(tmp_path, comments=COMMENTS, participants_votes=MATRIX, summary="topic,Our town\n"))
    assert read.topic == "Our town"
    assert [statement.id for statement in read.statements] == ["0", "1", "10"]
    assert read.statements[0].text == 'More "green" roofs'
    assert [statement.moderation for statement in read.statements] == [
        Moderation.ACCEPTED,
        Moderation.UNSEEN,
        Moderation.REJECTED,
    ]
    assert read.counted.tolist() == [True, True, False]
    assert read.participants == ("7", "8", "9")
    assert read.exported_groups == {"7": "0", "8": "1"}
    assert read.vote("7", "0") is Vote.AGREE
    assert read.vote("7", "10") is Vote.PASS
    assert read.vote("8", "1") is Vote.DISAGREE
    assert read.vote("9", "1") is None
    assert not read.notices


def test_the_long_form_gives_the_same_and_the_latest_vote_counts(tmp_path: Path) -> None:
    read = read_export(write(tmp_path, comments=COMMENTS, votes=LONG))
    assert read.vote("7", "0") is Vote.AGREE, "the vote of moment 9 counts, although it stands first"
    assert read.seen.sum() == 6
    assert [(notice.times, notice.example) for notice in read.notices] == [(1, "participant 7, statement 0")]


def test_newer_exports_with_xid_and_flags_are_read(tmp_path: Path) -> None:
    comments = (
        "timestamp,comment-id,author-id,agrees,disagrees,moderated,is-meta,is-seed,comment-body\n"
        "1,0,1,1,0,1,false,true,Trees\n1,1,1,0,0,1,true,false,This site is slow\n"
    )
    votes = "participant,xid,group-id,n-comments,n-votes,n-agree,n-disagree,0,1\n7,ab12,0,0,1,1,0,1,\n"
    read = read_export(write(tmp_path, comments=comments, participant_votes=votes))
    assert read.statements[0].is_seed
    assert read.counted.tolist() == [True, False]
    assert read.vote("7", "0") is Vote.AGREE


def test_votes_whose_sign_is_exchanged_are_refused(tmp_path: Path) -> None:
    turned = MATRIX.replace("2,0,1,1,0", "2,0,-1,-1,0").replace("1,1,1,-1,", "1,1,-1,1,").replace("0,1,-1,,", "0,1,1,,")
    with pytest.raises(
        DataError, match=r"participants-votes\.csv: 1 must mean agree .* comments\.csv fit the opposite"
    ):
        read_export(write(tmp_path, comments=COMMENTS, participants_votes=turned))


def test_an_export_that_declares_another_sign_is_refused(tmp_path: Path) -> None:
    summary = "topic,Our town\nvote-convention,agree=-1;disagree=+1;pass=0\n"
    with pytest.raises(DataError, match=r"summary\.csv:2: vote-convention: expected agree=\+1"):
        read_export(write(tmp_path, comments=COMMENTS, participants_votes=MATRIX, summary=summary))


def test_totals_that_differ_a_little_are_reported_and_the_votes_used(tmp_path: Path) -> None:
    comments = COMMENTS.replace("0,1,2,1,1,", "0,1,3,1,1,")
    read = read_export(write(tmp_path, comments=comments, participants_votes=MATRIX))
    assert [(notice.times, notice.example) for notice in read.notices] == [(1, "0")]
    assert "stated totals differ" in read.notices[0].reason


def test_votes_on_unlisted_statements_are_counted_and_reported(tmp_path: Path) -> None:
    matrix = MATRIX.replace("0,1,10\n", "0,1,99\n")
    read = read_export(write(tmp_path, comments=COMMENTS, participants_votes=matrix))
    assert [(notice.times, notice.example) for notice in read.notices] == [(1, "99")]


@pytest.mark.parametrize(
    ("files", "sentence"),
    [
        ({"participants_votes": MATRIX}, r"comments\.csv is not in it"),
        ({"comments": COMMENTS}, r"neither participants-votes\.csv nor votes\.csv"),
        ({"comments": "", "votes": LONG}, r"there are no comments"),
        ({"comments": COMMENTS, "votes": ""}, r"votes\.csv:1: the file is empty"),
        (
            {"comments": COMMENTS.replace("comment-body", "text"), "votes": LONG},
            r"comments\.csv:1: comment-body: the column is missing",
        ),
        (
            {"comments": COMMENTS.replace("1,1,1,1,0,", "1,1,one,1,0,"), "votes": LONG},
            r"comments\.csv:3: agrees: expected a whole number, found 'one'",
        ),
        (
            {"comments": COMMENTS.replace("10,1,0,0,-1", "10,1,0,0,no"), "votes": LONG},
            r"comments\.csv:2: moderated: expected 1 \(accepted\)",
        ),
        (
            {"comments": COMMENTS.replace("x,10,", "x,1,"), "votes": LONG},
            r"comments\.csv:3: comment-id: comment '1' stands there twice",
        ),
        (
            {"comments": COMMENTS, "votes": LONG.replace("1,7,1", "1,7,2")},
            r"votes\.csv:4: vote: expected 1 \(agree\), -1 \(disagree\) or 0 \(pass\), found '2'",
        ),
        (
            {"comments": COMMENTS, "votes": LONG.replace("1500000003,x,0", "noon,x,0")},
            r"votes\.csv:6: timestamp: expected seconds or milliseconds",
        ),
        (
            {"comments": COMMENTS, "participants_votes": MATRIX.replace("1,-1,", "1,-5,")},
            r"participants-votes\.csv:3: 1: expected 1 \(agree\)",
        ),
        (
            {"comments": COMMENTS, "participants_votes": MATRIX.replace("-1,,\n", "-1,\n")},
            r"participants-votes\.csv:4: the row has 8 cells, the header 9",
        ),
        (
            {"comments": COMMENTS, "participants_votes": MATRIX.replace("\n8,", "\n7,")},
            r"participants-votes\.csv:3: participant: participant '7' stands there twice",
        ),
        (
            {"comments": COMMENTS, "participants_votes": MATRIX.replace("0,1,10\n", "0,1,1\n")},
            r"participants-votes\.csv:1: 1: the column stands there twice",
        ),
    ],
)
def test_a_malformed_file_is_named_with_row_and_column(tmp_path: Path, files: dict[str, str], sentence: str) -> None:
    with pytest.raises(DataError, match=sentence):
        read_export(write(tmp_path, **files))


def test_a_file_in_another_encoding_is_named(tmp_path: Path) -> None:
    write(tmp_path, votes=LONG)
    (tmp_path / "comments.csv").write_bytes(COMMENTS.replace("parks", "caf\xe9s").encode("latin-1"))
    with pytest.raises(DataError, match=r"comments\.csv: is not UTF-8 text"):
        read_export(tmp_path)


def test_a_folder_that_is_not_there_is_named(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="is not a folder"):
        read_export(tmp_path / "nothing")
