"""All cases, in the order of the table. A new figure: a module in cases/, and its line here."""

from benchmarks.cases import (
    busy_worker,
    command_line,
    focus,
    local_ask,
    many_actors,
    membership,
    move,
    overlay,
    remote_ask,
    remote_tell,
    supervised_start,
    trees,
)

CASES = (
    remote_ask.CASE,
    remote_tell.CASE,
    local_ask.CASE,
    supervised_start.CASE,
    many_actors.MEMORY,
    many_actors.START,
    move.MOVE,
    move.PAUSE,
    busy_worker.CASE,
    command_line.PS,
    command_line.UP,
    membership.LOSS,
    membership.REST,
    focus.MOVED,
    focus.LOST,
    *trees.CASES,
    *overlay.CASES,
)
