"""The names of computations and hosts, for a shell that completes a word.

The scripts of ``completion`` call ``simulacra __complete names`` (or ``hosts``) while somebody
types, so this comes before all else in the front door: it prints one name a line, takes 150 ms at
most, and says nothing where no node is up, or none in time.
"""

from __future__ import annotations

import contextlib
import os
import signal
import sys
from collections.abc import Iterable, Sequence
from typing import Final

from simulacra.actors.gateway.frames import GatewayError
from simulacra.client import Client, find_socket

WORD: Final = "__complete"
"""The word by which the shell asks."""

LIMIT: Final = 0.1
"""Seconds for the node's answer; the interpreter has taken some of the 150 ms before."""

_NAMED: Final = "logs result explain migrate stop send attach forward ps"
"""The commands that take a computation's name as their first word."""


def main(words: Sequence[str]) -> int:
    """Print what is asked for: ``names`` of computations, or ``hosts``."""
    signal.signal(signal.SIGALRM, lambda *_: os._exit(0))
    signal.setitimer(signal.ITIMER_REAL, LIMIT)
    with contextlib.suppress(GatewayError, OSError):
        found = _ask(words[0] if words else "")
        sys.stdout.write("".join(f"{name}\n" for name in sorted(set(found))))
    return 0


def _ask(what: str) -> Iterable[str]:
    rows = Client(find_socket()).item("ps", timeout=LIMIT, known=True)["rows"]
    kinds = {"names": {"computation", "command"}, "hosts": {"node"}}.get(what, set())
    return [row["name"] for row in rows if row["kind"] in kinds]


def script(shell: str) -> str:
    """What is to follow the rest of a completion script of ``bash``, ``zsh`` or ``fish``."""
    return {"bash": _BASH, "zsh": _ZSH, "fish": _FISH}[shell]


_BASH: Final = f"""
_simulacra_known() {{
  local word what="" count=0 last="${{COMP_WORDS[COMP_CWORD-1]}}" now="${{COMP_WORDS[COMP_CWORD]}}"
  for word in "${{COMP_WORDS[@]:2:COMP_CWORD-2}}"; do [[ $word == -* ]] || count=$((count+1)); done
  if [[ $COMP_CWORD -gt 1 && $now != -* ]]; then
    case "${{COMP_WORDS[1]}}" in
      {_NAMED.replace(" ", "|")}) [[ $count == 0 ]] && what=names ;;&
      migrate) [[ $count == 1 ]] && what=hosts ;;
      spawn) [[ $last == --on ]] && what=hosts ;;
    esac
  fi
  if [[ -n $what ]]; then
    COMPREPLY=($(compgen -W "$(simulacra {WORD} $what 2>/dev/null)" -- "$now"))
  else
    _simulacra
  fi
}}
complete -o default -F _simulacra_known simulacra
"""

_ZSH: Final = f"""
_simulacra_known() {{
  local word what="" count=0
  for word in "${{(@)words[3,CURRENT-1]}}"; do [[ $word == -* ]] || (( count += 1 )); done
  if (( CURRENT > 2 )) && [[ $words[CURRENT] != -* ]]; then
    case $words[2] in
      ({_NAMED.replace(" ", "|")}) (( count == 0 )) && what=names ;|
      (migrate) (( count == 1 )) && what=hosts ;;
      (spawn) [[ $words[CURRENT-1] == --on ]] && what=hosts ;;
    esac
  fi
  if [[ -n $what ]]; then
    compadd -- ${{(f)"$(simulacra {WORD} $what 2>/dev/null)"}}
  else
    _cyclopts_simulacra || _files
  fi
}}
# The first time the file is the function that completes; from then on _simulacra_known is.
compdef _simulacra_known simulacra
[[ $funcstack[1] == _simulacra ]] && _simulacra_known
"""

_FISH: Final = f"""
function __simulacra_word
  set -l words (commandline -opc)
  set -e words[1]
  count (string match -v -- '-*' $words)
end
complete -c simulacra -f \\
  -n '__fish_seen_subcommand_from {_NAMED}; and test (__simulacra_word) = 1' \\
  -a '(simulacra {WORD} names 2>/dev/null)' -d computation
complete -c simulacra -f \\
  -n '__fish_seen_subcommand_from migrate; and test (__simulacra_word) = 2' \\
  -a '(simulacra {WORD} hosts 2>/dev/null)' -d host
complete -c simulacra -f -n '__fish_seen_subcommand_from spawn' -l on -r \\
  -a '(simulacra {WORD} hosts 2>/dev/null)'
"""
