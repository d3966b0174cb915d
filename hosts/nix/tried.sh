#!@shell@
# Stands before NixOS's own bin/apply. `switch` has a host run a system and start with it from now on;
# while a deploy waits to see the host well (`armed`, see hosts/deploy/guard.sh), it is `test`: the
# host starts with the system that it had until the deploy says that all is well. So a crash or a
# reset in between leads back, whatever is broken.
set -eu
here=/run/simulacra-deploy
if [ "${1-}" = switch ] && [ -e "$here/armed" ]; then
	echo "this system is tried: the host starts with the one that it had until the deploy ends well" >&2
	: >"$here/begun"
	shift
	set -- test "$@"
fi
exec @apply@ "$@"
