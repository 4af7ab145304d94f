import pytest

from pix2pix_tf.utils.errors import UserError
from pix2pix_tf.utils.tables import Row, read_table


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("t.csv", 'Name, Place\na,"x, y"\n\nb,\n'),
        ("t.csv", '\ufeffName;Place\r\na;"x, y"\r\n;\r\nb;\r\n'),
        ("t.tsv", "name\tplace\na\tx, y\n\nb\t\n"),
        ("t.jsonl", '{"Name": "a", "place": "x, y"}\n\n{"name": "b", "place": null}'),
    ],
)
def test_rows_by_the_headings_of_their_cells(tmp_path, name, text):
    (tmp_path / name).write_text(text, encoding="utf-8", newline="")
    table = read_table(tmp_path / name)
    assert table.headings == ["name", "place"]
    assert table.rows == [Row(2 - ("json" in name), {"name": "a", "place": "x, y"}), table.rows[1]]
    assert table.rows[1].cells == {"name": "b"}
    assert table.column("file", "name") == "name"
    assert table.column("other") is None


def test_numbers_of_json_are_text_as_in_csv(tmp_path):
    (tmp_path / "t.jsonl").write_text('{"weight": 0.5, "name": 7}')
    assert read_table(tmp_path / "t.jsonl").rows[0].cells == {"weight": "0.5", "name": "7"}


@pytest.mark.parametrize(
    ("name", "text", "sentence"),
    [
        ("t.csv", b"a,b\n1,2,3\n", "t.csv, line 2: has 3 cells; expected 2, one for each heading"),
        ("t.csv", b"a,b\n1\n", "t.csv, line 2: has 1 cells; expected 2"),
        ("t.csv", b"a,A\n1,2\n", "t.csv: has two columns a; expected one"),
        ("t.csv", b'a,b\n"1,2\n', "t.csv: is not a CSV file: unexpected end of data"),
        ("t.csv", b"a,\xff\n", "t.csv: cannot be read as text: "),
        ("no.csv", None, "no.csv: cannot be read as text: .*No such file"),
        ("t.jsonl", b'{"a": 1}\n{"a": \n', "t.jsonl, line 2: is not JSON: "),
        ("t.jsonl", b"[1]", "t.jsonl, line 1: expected an object such as "),
        ("t.jsonl", b'{"a": [1]}', "t.jsonl, line 1: 'a' is no text or number"),
        ("t.jsonl", b'{"a": true}', "t.jsonl, line 1: 'a' is no text or number"),
    ],
)
def test_what_is_no_table_is_refused(tmp_path, name, text, sentence):
    if text is not None:
        (tmp_path / name).write_bytes(text)
    with pytest.raises(UserError, match=sentence):
        read_table(tmp_path / name)
