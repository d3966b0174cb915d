"""``hosts``: the machines of the network, as its inventory has them, and the plan that follows.

The inventory is a file for people and their version control. What is edited here is checked as a
whole, with its plan, before anything is written.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated, Any

from cyclopts import App, Parameter

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
app.command("simulacra.cli.hosts_deploy:deploy", name="deploy")
app.command("simulacra.cli.hosts_drift:drift", name="drift")


@Parameter(name="*")
@dataclass(frozen=True)
class Fields:
    """What the inventory is to say of a host.

    Attributes:
        kind: What runs on it: node, phone or appliance.
        role: A role it has; may be given several times.
        tag: A tag it has; may be given several times.
        wireguard: Its public key, as `simulacra overlay key` shows it there.
        endpoint: HOST or HOST:PORT where it answers from outside; without one it is behind NAT.
        lan: HOST or HOST:PORT where it answers in its zone; may be given several times.
        relay: Have it forward between hosts that do not reach each other.
        address: Its IPv4 address in the overlay, instead of one by its name.
        port: Its UDP port in the overlay.
        system: Nix's name of its platform.
        ssh: USER@HOST:PORT that it is deployed to; user and port may be left out.
        ssh_key: The public key of its ssh server.
        sudo: Have that user become root by sudo.
        mac: The MAC address of the card that wakes it.
        cloud: The template that it is rented by.
    """

    kind: str = ""
    role: tuple[str, ...] = ()
    tag: tuple[str, ...] = ()
    wireguard: str = ""
    endpoint: tuple[str, ...] = ()
    lan: tuple[str, ...] = ()
    relay: bool = False
    address: str = ""
    port: int = 0
    system: str = ""
    ssh: str = ""
    ssh_key: str = ""
    sudo: bool = False
    mac: str = ""
    cloud: str = ""

    def told(self, zone: str) -> dict[str, Any]:
        """As the inventory says it; what was not given is left out."""
        fields = {
            "kind": self.kind,
            "zone": zone,
            "roles": list(self.role),
            "tags": list(self.tag),
            "system": self.system,
            "address": self.address,
            "wireguard": self.wireguard,
            "port": self.port,
            "endpoints": list(self.endpoint),
            "lan": list(self.lan),
            "relay": self.relay,
            "ssh": self._ssh(),
            "mac": self.mac,
            "cloud": self.cloud,
        }
        return {name: value for name, value in fields.items() if value}

    def _ssh(self) -> dict[str, Any]:
        user, _, destination = self.ssh.rpartition("@")
        host, colon, port = destination.rpartition(":")
        if not colon or not port.isdigit():
            host, port = destination, ""
        fields = {
            "host": host,
            "user": user,
            "port": int(port or 0),
            "public_key": self.ssh_key,
            "sudo": self.sudo,
        }
        return {name: value for name, value in fields.items() if value}


FIELDS = Fields()


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
            {"line": each.line, "key": shown(each.path), "problem": each.text}
            for each in failure.__cause__.problems
        ]
    if common.json:
        output.document({"file": str(file), "wrong": wrong, "advice": advice})
    else:
        for each in wrong:
            output.data(f"{file}:{each['line']}: {each['key']}: {each['problem']}")
        for text in advice:
            output.message(text)
        output.message(f"{file}: {len(wrong) or 'nothing'} wrong")
    return ExitCode.FAILED if wrong else ExitCode.OK


@app.command
def add(
    name: str,
    /,
    *,
    zone: str,
    fields: Fields = FIELDS,
    force: bool = False,
    inventory: InventoryFile = None,
    common: Common = COMMON,
) -> None:
    """Add a host to the inventory, and plan anew. Comments and order of the file stay.

    A host without a key has a place in the plan, and nobody who speaks to it: its key is made on
    the host itself.

    For example:

    - `simulacra hosts add desk --zone home --lan 192.168.1.20 --ssh ann@desk.local --sudo`
    - `simulacra hosts add vm --zone cloud --endpoint vm.example.org --relay --tag servers`

    Args:
        name: The host's name.
        zone: The zone it belongs to: one LAN, one cloud region.
        fields: What the inventory is to say of it.
        force: Do it also where it cuts off the host that this is.
        inventory: Where the inventory is; found from the current folder upwards otherwise.
        common: Options of all commands.
    """
    from simulacra.hosts.inventory import editing  # noqa: PLC0415 (an extra)

    opened = inventories.opened(inventory)
    try:
        text = editing.add(opened.content.decode(), name, fields.told(zone))
    except editing.EditError as error:
        raise _refused(error) from error
    _put(planning.edited(opened, text), f"{name} is in {opened.file} now", force, common)


@app.command
def remove(
    name: str,
    /,
    *,
    force: bool = False,
    inventory: InventoryFile = None,
    common: Common = COMMON,
) -> None:
    """Expel a host: take it out of the inventory, with the comment above it, and plan anew.

    It is out when the others have the new plan. What is to take effect at once everywhere, its
    node's admission, is `simulacra expel NAME`.

    For example:

    - `simulacra hosts remove attic`

    Args:
        name: The host's name.
        force: Do it also where it cuts off the host that this is.
        inventory: Where the inventory is; found from the current folder upwards otherwise.
        common: Options of all commands.
    """
    from simulacra.hosts.inventory import editing  # noqa: PLC0415 (an extra)

    opened = inventories.opened(inventory)
    inventories.host_of(opened.inventory, name)
    try:
        text = editing.remove(opened.content.decode(), name)
    except editing.EditError as error:
        raise _refused(error) from error
    _put(planning.edited(opened, text), f"{name} is in {opened.file} no more", force, common)


@app.command
def key(
    name: str,
    # A key in base64 never begins with a hyphen.
    key: str = "",
    /,
    *,
    next_: Annotated[bool, Parameter(name="--next")] = False,
    turn: bool = False,
    force: bool = False,
    inventory: InventoryFile = None,
    common: Common = COMMON,
) -> None:
    """Say a host's public key in the inventory, and plan anew.

    A host that has a key gets another one in two steps: first all others take both, then the old
    one is dropped.

    For example:

    - `simulacra hosts key desk tvrchsghrqcUSqPzGXhdbOc+ioomltpW181KToAUTzc=`
    - `simulacra hosts key desk --next hwJGiJQRG4CRo5wKZQ0e/rpuiTJeF4mj5SEVSO6N9SA=`
    - `simulacra hosts key desk --turn`

    Args:
        name: The host's name.
        key: Its public key, as that host shows it.
        next_: The key is the one that it will have next; the others let it in by both.
        turn: The next key is the only one from now on.
        force: Do it also where it cuts off the host that this is.
        inventory: Where the inventory is; found from the current folder upwards otherwise.
        common: Options of all commands.
    """
    from simulacra.hosts.inventory import editing  # noqa: PLC0415 (an extra)

    opened = inventories.opened(inventory)
    fields = _keys(inventories.host_of(opened.inventory, name), name, key, is_next=next_, turn=turn)
    try:
        text = editing.change(opened.content.decode(), name, fields)
    except editing.EditError as error:
        raise _refused(error) from error
    _put(planning.edited(opened, text), f"{name} has that key in {opened.file} now", force, common)


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
        _put(made, done, force, common)
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


def _keys(host: Host, name: str, key: str, *, is_next: bool, turn: bool) -> dict[str, str | None]:
    """The keys that a host is to have in the inventory."""
    if bool(key) == turn or (is_next and turn):
        raise GatewayError(
            ErrorCode.USAGE,
            "either a key is said, or the host turns to its next one",
            "see: simulacra hosts key --help",
        )
    if turn and host.next is None:
        raise GatewayError(
            ErrorCode.USAGE,
            f"{name} has no next key to turn to",
            f"say it first: simulacra hosts key {name} --next KEY",
        )
    if turn:
        return {"wireguard": host.next, "next": None}
    return {"next": key} if is_next else {"wireguard": key}


def _put(made: planning.Draft, done: str, force: bool, common: Common) -> None:
    planning.put(made, force=force, options=common)
    if common.json:
        output.document(
            {
                "plan": str(made.opened.plan_file),
                "changes": planning.plain(made.changes),
                "phones": planning.stale_phones(made),
            }
        )
    else:
        planning.tell(made, done)


def _refused(error: ValueError) -> GatewayError:
    return GatewayError(ErrorCode.USAGE, str(error), "see: simulacra hosts list")


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
