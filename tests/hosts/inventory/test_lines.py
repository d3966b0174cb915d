from __future__ import annotations

from simulacra.hosts.inventory.lines import Lines

TEXT = """\
# a = 1
name = "x"
[hosts.nas]  # the nas
"a key" = 1
ssh.host = "nas"
lan = [
  "192.168.1.1",
]
text = '''
name = 3
'''
[hosts.'odd.name']
a.'b' = 2
"""


def test_keys_have_the_lines_that_they_begin_on() -> None:
    lines = Lines(TEXT)
    assert lines.line(("name",)) == 2
    assert lines.line(("hosts", "nas")) == 3
    assert lines.line(("hosts", "nas", "a key")) == 4
    assert lines.line(("hosts", "nas", "ssh", "host")) == 5
    assert lines.line(("hosts", "odd.name", "a", "b")) == 13


def test_what_has_no_line_has_that_of_the_table_around_it() -> None:
    lines = Lines(TEXT)
    assert lines.line(("hosts", "nas", "lan", 0)) == 6
    assert lines.line(("hosts", "nas", "zone")) == 3
    assert lines.line(("zones",)) == 0


def test_a_line_has_the_last_key_before_it() -> None:
    lines = Lines(TEXT)
    assert lines.path(7) == ("hosts", "nas", "lan")
    assert lines.path(1) == ()


def test_a_long_line_that_is_no_key_takes_no_time() -> None:
    assert Lines(f"a = '''\n{'word' * 10_000}\n'''\n").path(2) == ("a",)
