"""``service``: what is to run as long as the network can carry it, decided by the master."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from cyclopts import App, Parameter

from simulacra.actors.compute.spec import Command, Limits, Spec, SpecError
from simulacra.actors.gateway.frames import ErrorCode, GatewayError
from simulacra.cli import output
from simulacra.cli.options import COMMON, Common, Duration, Size, client
from simulacra.cli.spawn import read_arguments, read_what

app = App(name="service")


@app.default
def list_(*, common: Common = COMMON) -> None:
    """Show the services: where each runs, and why it does or does not.

    For example:

    - `simulacra service`
    - `simulacra service add web --needs port:8080 -- python3 -m http.server 8080`
    - `simulacra service remove web`

    Args:
        common: Options of all commands.
    """
    found = client(common).item("services", timeout=15.0)
    if common.json:
        output.document(found)
        return
    output.table(
        ("service", "state", "hosts", "needs", "spread", "in a split", "why"),
        map(_line, found["services"]),
    )


app.command(list_, name="list")


@app.command
def add(
    name: str,
    *words: Annotated[str, Parameter(name="WHAT")],
    needs: tuple[str, ...] = (),
    replicas: str = "1",
    spread: Literal["none", "zone"] = "none",
    on_split: Literal["run-in-both", "run-with-master", "stop"] = "run-with-master",
    reads: tuple[str, ...] = (),
    arg: tuple[str, ...] = (),
    memory: Size | None = None,
    cpu: Duration | None = None,
    common: Common = COMMON,
) -> None:
    """Have FILE.py, MODULE:CALLABLE or -- COMMAND... run wherever the network can carry it.

    It starts when its needs are met, is started again when it ends, and stops with the reason kept
    when they no longer are.

    For example:

    - `simulacra service add web --needs port:8080 -- python3 -m http.server 8080`
    - `simulacra service add vm --needs kvm --needs 'memory>=8G' machine.py`
    - `simulacra service add dns --replicas each-zone --spread zone serve.py`

    Args:
        name: What to call it.
        words: FILE.py, MODULE:CALLABLE or -- COMMAND...
        needs: What its host or the network has to have: kvm, gpu, memory>=8G, cores>=4, hosts>=3,
            port:8080, zone=home, or a label; may be given several times.
        replicas: How many are to run; each-zone for one in every zone.
        spread: Whether replicas keep to different zones.
        on_split: What becomes of it while the network is split.
        reads: NAME=HOST:PATH that it reads; may be given several times.
        arg: NAME=VALUE handed to it; may be given several times.
        memory: Most memory, as in 512M.
        cpu: Most processor time, as in 10m.
        common: Options of all commands.
    """
    what = read_what(words, restartable=bool(words) and words[0] == "--", tty=False)
    try:
        spec = Spec(
            what,
            kwargs=read_arguments(what, reads, arg),
            restart="temporary" if isinstance(what, Command) else "transient",
            limits=Limits(memory=memory, cpu=cpu),
        )
    except SpecError as error:
        raise GatewayError(
            ErrorCode.USAGE, str(error), "see how it is used: simulacra service add --help"
        ) from error
    told = {
        "needs": list(needs),
        "replicas": int(replicas) if replicas.isdigit() else replicas,
        "spread": spread,
        "on_split": on_split,
    }
    calls = client(common)
    done = calls.item("service_set", name=name, told=told, spec=spec.to_plain(), timeout=20.0)
    now = "is changed" if done["changed"] else "is a service now"
    _done(f"{name} {now}; see where it runs: simulacra service", done, common)


@app.command
def remove(name: str, /, *, common: Common = COMMON) -> None:
    """Have a service run no more: what runs of it is stopped.

    For example:

    - `simulacra service remove web`

    Args:
        name: The service.
        common: Options of all commands.
    """
    done = client(common).item("service_unset", name=name, timeout=20.0)
    _done(f"{name} is no service any more", done, common)


def _done(text: str, done: dict[str, Any], common: Common) -> None:
    if common.json:
        output.document(done)
    else:
        output.message(text)


def _line(service: dict[str, Any]) -> tuple[str, ...]:
    told = service["told"]
    return (
        service["name"],
        service["state"],
        ", ".join(service["hosts"]) or "-",
        ", ".join(told.get("needs", ())) or "-",
        told.get("spread", "-"),
        told.get("on_split", "-"),
        service["reason"],
    )
