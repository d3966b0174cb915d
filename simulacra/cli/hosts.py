"""``hosts``: the machines of the network, as its inventory has them, and the plan that follows."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from cyclopts import App

from simulacra.actors.gateway.frames import ErrorCode, GatewayError
from simulacra.cli import inventories, output, planning
from simulacra.cli.exits import ExitCode
from simulacra.cli.inventories import InventoryFile
from simulacra.cli.options import COMMON, Common

if TYPE_CHECKING:
    from simulacra.hosts.inventory.schema import Host
    from simulacra.overlay.plan.document import HostPlan

app = App(
    name="hosts",
    help="See, check and change the inventory of hosts, plan the overlay, and roll hosts out.",
)
for _change in ("add", "remove", "key"):
    app.command(f"simulacra.cli.hosts_changes:{_change}", name=_change)
app.command("simulacra.cli.hosts_deploy:deploy", name="deploy")
app.command("simulacra.cli.hosts_drift:drift", name="drift")


@app.command
def check(*, inventory: InventoryFile = None, common: Common = COMMON) -> int:
    """Check the inventory: everything that is wrong with it, each by its line and key.

    Also said, without counting as wrong, is what does not work well: pairs of hosts for which no
    relay stands in, hosts without a key, phones with an old configuration, a plan that is stale.

    For example:

    - `simulacra hosts check`
    - `simulacra hosts check --inventory other/inventory.toml --json`

    Args:
        inventory: Where the inventory is; found from the current folder upwards otherwise.
        common: Options of all commands.
    """
    from simulacra.hosts.inventory.problems import InventoryError, shown  # noqa: PLC0415

    file = inventories.find(inventory)
    advice: list[str] = []
    wrong: list[dict[str, Any]] = []
    try:
        advice = _advice(planning.draft(inventories.opened(file)))
    except GatewayError as failure:
        if not isinstance(failure.__cause__, InventoryError):
            raise
        wrong = [
            {"line": each.line or None, "key": shown(each.path), "problem": each.text}
            for each in failure.__cause__.problems
        ]
    if common.json:
        output.document({"file": str(file), "wrong": wrong, "advice": advice})
    else:
        for each in wrong:
            where = [file, each["line"]] if each["line"] else [file]
            what = f"{each['key']}: " if each["key"] else ""
            output.data(f"{':'.join(map(str, where))}: {what}{each['problem']}")
        for text in advice:
            output.message(text)
        output.message(f"{file}: {len(wrong) or 'nothing'} wrong")
    return ExitCode.FAILED if wrong else ExitCode.OK


@app.default
@app.command(name="list")
def list_(*, tag: str = "", inventory: InventoryFile = None, common: Common = COMMON) -> None:
    """Show the hosts of the inventory, with their addresses in the overlay.

    For example:

    - `simulacra hosts`
    - `simulacra hosts list --tag servers --json`

    Args:
        tag: Show only the hosts with this tag.
        inventory: Where the inventory is; found from the current folder upwards otherwise.
        common: Options of all commands.
    """
    made = planning.draft(inventories.opened(inventory))
    hosts = made.opened.inventory.hosts
    if tag and not made.opened.inventory.tagged(tag):
        tags = ", ".join(made.opened.inventory.tags()) or "none"
        raise GatewayError(ErrorCode.NOT_FOUND, f"no host has the tag {tag}", f"tags are: {tags}")
    rows = [
        _row(name, host, made.plan.hosts[name])
        for name, host in hosts.items()
        if not tag or tag in host.tags
    ]
    if common.json:
        output.document(rows)
    else:
        output.table(
            ("host", "kind", "zone", "address", "reached", "roles", "tags"),
            [
                (
                    *(row[each] for each in ("name", "kind", "zone", "ipv4", "reached")),
                    ",".join(row["roles"]) or "-",
                    ",".join(row["tags"]) or "-",
                )
                for row in rows
            ],
        )


@app.command
def plan(
    *,
    check: bool = False,
    force: bool = False,
    inventory: InventoryFile = None,
    common: Common = COMMON,
) -> int:
    """Plan the overlay of the inventory: write plan.json beside it, and say what is new for whom.

    Nodes and Nix use the plan; commit it with the inventory. It names the inventory by its hash, so
    that a stale plan is refused everywhere.

    For example:

    - `simulacra hosts plan`
    - `simulacra hosts plan --check`

    Args:
        check: Write nothing; the exit code is 1 if the plan is stale.
        force: Write it also where it cuts off the host that this is.
        inventory: Where the inventory is; found from the current folder upwards otherwise.
        common: Options of all commands.
    """
    made = planning.draft(inventories.opened(inventory))
    file = made.opened.plan_file
    if not check:
        done = f"{file} is written" if made.is_stale else f"{file} is as it is to be"
        planning.put_and_tell(made, done, force=force, common=common)
        return ExitCode.OK
    if common.json:
        output.document(
            {
                "stale": made.is_stale,
                "changes": planning.plain(made.changes),
                "phones": planning.stale_phones(made),
            }
        )
    elif made.is_stale:
        planning.tell(made, f"{file} is stale; write it: simulacra hosts plan")
    else:
        output.message(f"{file} is as it is to be")
    return ExitCode.FAILED if made.is_stale else ExitCode.OK


def _advice(made: planning.Draft) -> list[str]:
    """What is right, but does not work well."""
    from simulacra.overlay.plan.reachability import uncertain  # noqa: PLC0415 (as are the checks)

    found = [
        f"{a} and {b} are both behind NAT and there is no relay: they reach each other only "
        "where punching works; say relay = true for a host with endpoints"
        for a, b in uncertain(made.plan)
    ]
    found += [
        f"{name} has no key, so nobody speaks to it: make one there"
        for name, host in made.plan.hosts.items()
        if host.kind == "node" and not host.key and not host.relays
    ]
    found += planning.stale_phones(made)
    if made.is_stale:
        found.append(f"{made.opened.plan_file} is stale; write it: simulacra hosts plan")
    return found


def _row(name: str, host: Host, part: HostPlan) -> dict[str, Any]:
    return {
        "name": name,
        "kind": str(host.kind),
        "zone": host.zone,
        "roles": list(host.roles),
        "tags": list(host.tags),
        "system": host.system,
        "ipv4": part.ipv4,
        "ipv6": part.ipv6,
        "names": list(part.names),
        "key": part.key or None,
        "reached": _reached(host, part),
        "endpoints": list(host.endpoints),
        "lan": list(host.lan),
        "ssh": host.ssh.model_dump(mode="json") if host.ssh else None,
        "mac": host.mac,
        "cloud": host.cloud,
    }


def _reached(host: Host, part: HostPlan) -> str:
    """How a host is reached in the overlay, in a word or two."""
    if host.openvpn and host.openvpn.shared_key:
        return "OpenVPN"
    if not part.key:
        return "no key"
    if host.relay:
        return "relay"
    if host.kind == "phone":
        return "by relays"
    return "behind NAT" if host.behind_nat else "open"
