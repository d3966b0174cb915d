"""What the gateway's verbs do, in the gateway's threads; docs/guide/gateway.md says what they are.

``finding`` finds a computation in the network, ``spawning`` starts one where ``placing`` says,
``steering`` moves, stops and writes to it, ``watching`` tells how things are, ``explaining`` why,
``network`` who is in it and what happened, ``focusing`` who is first, ``logs`` what was printed,
``streams`` is what has two directions, ``running`` runs a command where ``directories`` says,
``copies`` brings two copies of a tree into step for it, ``learning`` knows what it cost so far,
``mounting`` mounts directories of other hosts; ``detaching`` prepares for being away, and ends it,
by ``following`` how trees come into step, and their ``progress``;
``trees`` has trees and copies of them here, ``tree_standing`` says which there are and how far each
copy is, ``standings`` how one is, ``giving_up`` whether it may go, ``conflicts`` what two sides
differ in, ``versions`` how one file is and was.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

from simulacra.actors.control.conflicts import Conflicts
from simulacra.actors.control.copies import Copies
from simulacra.actors.control.detaching import DetachVerbs
from simulacra.actors.control.directories import Directories
from simulacra.actors.control.explaining import Explaining
from simulacra.actors.control.focusing import Focusing
from simulacra.actors.control.learning import Learning
from simulacra.actors.control.logs import Logs
from simulacra.actors.control.mounting import Mounting
from simulacra.actors.control.network import NetworkVerbs
from simulacra.actors.control.running import Running
from simulacra.actors.control.spawning import Spawning
from simulacra.actors.control.steering import Steering
from simulacra.actors.control.streams import Streams
from simulacra.actors.control.tree_focusing import TreeFocusing
from simulacra.actors.control.tree_standing import TreeStanding
from simulacra.actors.control.trees import TreeVerbs
from simulacra.actors.control.versions import Versions
from simulacra.actors.control.watching import Watching
from simulacra.actors.gateway.call import Handler

if TYPE_CHECKING:
    from simulacra.actors.node import Node

__all__ = ["verbs"]


def verbs(node: Node) -> Mapping[str, Handler]:
    """The table of handlers for a node's gateway."""
    watching, spawning = Watching(node), Spawning(node)
    steering, streams = Steering(node), Streams(node)
    network, focusing = NetworkVerbs(node), Focusing(node)
    learning, mounting = Learning(node), Mounting(node)
    copies = Copies(node, learning)
    directories, running = Directories(node, learning, copies), Running(node, learning)
    conflicts, versions = Conflicts(node), Versions(node)
    tree_focusing = TreeFocusing(node)
    detaching = DetachVerbs(node, tree_focusing.focus)
    trees, standing = TreeVerbs(node, detaching.move_main_stores), TreeStanding(node)
    return {
        "status": watching.status,
        "routes": watching.routes,
        "focus": focusing.focus,
        "refocus": focusing.refocus,
        "succession": focusing.succession,
        "splits": focusing.splits,
        "services": focusing.services,
        "service_set": focusing.service_set,
        "service_unset": focusing.service_unset,
        "where": network.where,
        "expose": network.expose,
        "events": network.events,
        "enter": network.enter,
        "keep": network.keep,
        "tree_add": trees.add,
        "tree_follow": trees.follow,
        "tree_unfollow": trees.unfollow,
        "tree_remove": trees.remove,
        "tree_leave": trees.leave,
        "tree_pause": trees.pause,
        "tree_list": standing.all,
        "tree_status": standing.status,
        "tree_sync": standing.sync,
        "tree_choose": trees.choose,
        "tree_limit": trees.limit,
        "tree_focus": tree_focusing.focus,
        "tree_take_over": tree_focusing.take_over,
        "tree_carry": copies.carry,
        "tree_file": versions.file,
        "tree_versions": versions.versions,
        "tree_restore": versions.restore,
        "conflicts": conflicts.all,
        "conflict_settle": conflicts.settle,
        "ps": watching.ps,
        "logs": Logs(node).logs,
        "result": watching.result,
        "explain": Explaining(node).explain,
        "spawn": spawning.spawn,
        "migrate": steering.migrate,
        "stop": steering.stop,
        "send": steering.send,
        "ask": steering.ask,
        "down": steering.down,
        "keys_changed": steering.keys_changed,
        "attach": streams.attach,
        "forward": streams.forward,
        "place": directories.place,
        "prove": directories.prove,
        "run": running.run,
        "ran": directories.ran,
        "mount": mounting.mount,
        "unmount": mounting.unmount,
        "mounts": mounting.mounts,
        "detach": detaching.detach,
        "rejoin": detaching.rejoin,
    }
