#!/bin/sh
# Runs as root on a host that is deployed to, and takes it back to the system that it had unless it
# is told in time that all is well. It is sent with every call; what it knows is in $here:
#
#   armed    owner, token, seconds, generation to go back to, system then; one a line
#   keeping  the same, while what runs becomes what the host starts with
#   rolling  the same, while it goes back
#   timer    the process that is the timer, where there is no systemd
#   begun    there once a switch was begun, whatever came of it
#   last     the token of the last deploy after which it went back
#
# Whoever moves `armed` away decides: to `rolling` who goes back, to `keeping` who says all is well.
# While it is there a system is only tried (see hosts/nix/tried.sh): the host starts with the one
# that it had. So a host that starts anew has gone back, and has forgotten all this, as $here has.
#
#   guard look
#   guard arm OWNER TOKEN SECONDS
#   guard extend TOKEN      has its time begin anew
#   guard disarm TOKEN      where nothing was switched
#   guard keep TOKEN HOW    has the host start with what runs, as a `new` generation or the `earlier`
#   guard back TOKEN        goes back now
#   guard earlier           tries the generation before this one
#   guard activate SYSTEM   says what switching to a system would do
#   guard fire TOKEN, guard wait TOKEN SECONDS   the timer's own
#
# Exit codes beside those of commands: 3 somebody else is at it, 4 not armed by this deploy.
set -eu

here=/run/simulacra-deploy
profile=/nix/var/nix/profiles/system
current=/run/current-system
unit=simulacra-rollback
switching=nixos-rebuild-switch-to-configuration.service
# How often a switch back is tried, and how many seconds a deploy may take to begin its switch.
tries=5
patience=3600

PATH=/run/current-system/sw/bin:/nix/var/nix/profiles/default/bin:$PATH
export PATH
umask 077

say() { printf '%s=%s\n' "$1" "$2"; }

number() {
	link=$(readlink "$profile" || echo system-0-link)
	link=${link##*system-}
	echo "${link%-link}"
}

earlier() {
	n=$(($(number) - 1))
	while [ "$n" -gt 0 ]; do
		[ -e "$profile-$n-link" ] && echo "$n" && return
		n=$((n - 1))
	done
}

# One line of what was armed, by its number.
armed() { sed -n "$2p" "$here/$1" 2>/dev/null || :; }

look() {
	say system "$(readlink -f "$current" || :)"
	say profile "$(readlink -f "$profile" || :)"
	say generation "$(number)"
	before=$(earlier)
	say earlier "${before:+$(readlink -f "$profile-$before-link")}"
	for state in armed keeping rolling; do
		if [ -e "$here/$state" ] && ! { [ "$state" = armed ] && is_forsaken; }; then
			say owner "$(armed $state 1)"
			say token "$(armed $state 2)"
		fi
	done
	[ ! -e "$here/begun" ] || say begun yes
	say back "$(cat "$here/last" 2>/dev/null || :)"
}

is_ours() { [ "$(armed armed 2)" = "$1" ]; }

claim() { # TOKEN STATE
	is_ours "$1" && mv "$here/armed" "$here/$2" 2>/dev/null || exit 4
	touch "$here/$2"
}

has_systemd() { [ -d /run/systemd/system ]; }

# Whether it is certain that nobody is left who would take the host back: its timer was killed, or
# ended by hand. A system whose manager does not answer, as in the midst of a switch, says nothing.
is_forsaken() {
	[ -n "$(find "$here/armed" -mmin +5)" ] || return 1
	token=$(armed armed 2)
	if has_systemd; then
		units="$unit-$token.timer $unit-$token.service"
		# shellcheck disable=SC2086
		[ "$(systemctl is-active $units 2>/dev/null | sort -u)" = inactive ]
	else
		[ -e "$here/timer" ] && ! grep -qF "$token" "/proc/$(cat "$here/timer")/cmdline" 2>/dev/null
	fi
}

start_timer() { # TOKEN SECONDS
	if has_systemd; then
		systemd-run --quiet --collect --unit="$unit-$1" --on-active="$2" \
			--timer-property=AccuracySec=1s /bin/sh "$here/guard" fire "$1"
	else
		setsid /bin/sh "$here/guard" wait "$1" "$2" </dev/null >/dev/null 2>&1 &
		echo $! >"$here/timer"
	fi
}

stop_timer() {
	# Without systemd it sees for itself that it is not armed any more.
	if has_systemd; then
		systemctl stop "$unit-*.timer" 2>/dev/null || :
	fi
}

arm() { # OWNER TOKEN SECONDS
	generation=$(number)
	system=$(readlink -f "$current" || :)
	for state in keeping rolling; do
		if [ -e "$here/$state" ] && [ -z "$(find "$here/$state" -mmin +5)" ]; then
			echo "the end of the deploy before this one is under way on it ($state)" >&2
			exit 3
		fi
	done
	if [ -e "$here/armed" ]; then
		if [ "$(armed armed 1)" != "$1" ] && ! is_forsaken; then
			echo "$(armed armed 1) deploys to it at this moment" >&2
			exit 3
		fi
		# A deploy of the same owner was cut short, or any whose timer is gone: back is where that
		# one would have gone.
		generation=$(armed armed 4)
		system=$(armed armed 5)
		cp -p "$here/armed" "$here/armed.old"
	else
		rm -f "$here/begun" "$here/armed.old"
	fi
	printf '%s\n' "$1" "$2" "$3" "$generation" "$system" >"$here/armed.new"
	mv "$here/armed.new" "$here/armed"
	if ! start_timer "$2" "$3"; then
		# Else it would wait for a timer that never goes off. The one before, if any, still runs.
		rm -f "$here/armed"
		[ ! -e "$here/armed.old" ] || mv "$here/armed.old" "$here/armed"
		echo "its timer cannot be set" >&2
		exit 1
	fi
	# A timer of before finds, when it goes off, that it is not the one that is armed.
	rm -f "$here/rolling" "$here/keeping" "$here/armed.old"
}

extend() { # TOKEN
	is_ours "$1" || exit 4
	touch "$here/armed"
}

disarm() { # TOKEN
	claim "$1" disarmed
	rm -f "$here/disarmed" "$here/begun"
	stop_timer
}

is_settled() { [ "$(readlink -f "$current")" = "$(readlink -f "$profile")" ]; }

# Their output goes to a file, so that they live on when the connection does not.
logged() {
	trap '' HUP
	"$@" >>"$here/log" 2>&1
}

# `test` leaves alone what the host starts with, `boot` sets that alone.
to() { # SYSTEM VERB
	: >"$here/log"
	logged "$1/bin/switch-to-configuration" "$2"
}

to_generation() { logged nix-env --profile "$profile" --switch-generation "$1"; }

make_it_stay() { # HOW
	: >"$here/log"
	case $1 in
	earlier) to_generation "$(earlier)" ;;
	*) logged nix-env --profile "$profile" --set "$(readlink -f "$current")" ;;
	esac || return 1
	is_settled || { logged echo "it runs $(readlink -f "$current")" && return 1; }
	to "$profile" boot
}

keep() { # TOKEN HOW
	claim "$1" keeping
	stop_timer
	if ! make_it_stay "$2"; then
		echo "it cannot be what the host starts with: $(tail -n 5 "$here/log")" >&2
		mv "$here/keeping" "$here/rolling"
		go_back
		exit 1
	fi
	rm -f "$here/keeping" "$here/begun"
}

go_back() { # of $here/rolling
	token=$(armed rolling 2)
	generation=$(armed rolling 4)
	moved=
	# A switch that still runs would have the last word. This is what bin/apply has systemd call it.
	! has_systemd || systemctl stop "$switching" 2>/dev/null || :
	if [ "$(number)" != "$generation" ]; then
		moved=yes
		to_generation "$generation"
	fi
	n=0
	# Units that fail do not undo a switch. And one that broke off early may have stopped units and
	# left the rest as it was, so it is done in any case.
	until to "$profile" test || is_settled; do
		n=$((n + 1))
		if [ "$n" -ge "$tries" ]; then
			tail -n 5 "$here/log" >&2
			exit 1
		fi
		sleep 2
	done
	echo "$token" >"$here/last"
	rm -f "$here/rolling" "$here/begun"
	# Last: it takes no part in how the host is reached, and may fail for want of room.
	if [ -n "$moved" ] && ! to "$profile" boot; then
		tail -n 5 "$here/log" >&2
		exit 1
	fi
}

back() { # TOKEN
	claim "$1" rolling
	stop_timer
	go_back
}

is_switched() {
	[ -e "$here/begun" ] ||
		[ "$(number)" != "$(armed armed 4)" ] || [ "$(readlink -f "$current")" != "$(armed armed 5)" ]
}

# Seconds that are left: they count from the switch, which takes a while itself, or from when the
# deploy last said so. Where the clock was set back, it is all of them.
left() {
	seconds=$(armed armed 3)
	last=$(stat -c %Y "$profile" "$current" "$here/armed" "$here/begun" 2>/dev/null | sort -n | tail -n 1)
	rest=$((seconds - $(date +%s) + last))
	[ "$rest" -le "$seconds" ] || rest=$seconds
	echo "$rest"
}

fire() { # TOKEN
	waited=0
	until is_switched; do
		is_ours "$1" || exit 0
		if [ "$waited" -ge "$patience" ]; then
			rm -f "$here/armed"
			exit 0
		fi
		sleep 1
		waited=$((waited + 1))
	done
	# Once for the switch, once for the deploy's word, and once to spare: a clock cannot hold it up.
	for _ in 1 2 3; do
		is_ours "$1" || exit 0
		rest=$(left)
		[ "$rest" -gt 0 ] || break
		wait_armed "$1" "$rest"
	done
	claim "$1" rolling
	go_back
}

wait_armed() { # TOKEN SECONDS
	n=$2
	while [ "$n" -gt 0 ]; do
		is_ours "$1" || exit 0
		sleep 1
		n=$((n - 1))
	done
}

case $1 in
look) look ;;
arm) arm "$2" "$3" "$4" ;;
extend) extend "$2" ;;
disarm) disarm "$2" ;;
keep) keep "$2" "$3" ;;
back) back "$2" ;;
fire) fire "$2" ;;
wait)
	wait_armed "$2" "$3"
	fire "$2"
	;;
earlier)
	: >"$here/begun"
	to "$profile-$(earlier)-link" test || { tail -n 20 "$here/log" >&2 && exit 1; }
	;;
activate) exec "$2/bin/switch-to-configuration" dry-activate 2>&1 ;;
*) exit 2 ;;
esac
