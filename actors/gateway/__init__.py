"""The gateway: the local Unix socket through which people and their programs use a node.

One connection carries one call. ``frames`` is the language both ends speak (pure), ``endpoint``
is the socket file and who may open it, ``call`` is one call as a handler sees it, ``session`` the
frames of a connection, ``server`` runs calls against a table of handlers. Clients need only
``frames`` and ``endpoint``, which import neither pykka nor ZeroMQ. docs/guide/gateway.md lists the
verbs.
"""
