#!/bin/sh
# Runs as root on a host that is deployed to, and takes it back to the system that it had unless it
# is told in time that all is well. It is sent with every call; what it knows is in $here:
#
#   armed    owner, token, seconds, generation to go back to, system then; one a line
#   rolling  the same, while it goes back
#   last     the token of the last deploy after which it went back
#
# Whoever moves `armed` away decides: to `rolling` who goes back, to nothing who says all is well.
#
#   guard look
#   guard arm OWNER TOKEN SECONDS
#   guard extend TOKEN      has its time begin anew
#   guard disarm TOKEN
#   guard back TOKEN        goes back now
#   guard earlier           switches to the generation before this one
#   guard activate SYSTEM   says what switching to a system would do
#   guard fire TOKEN, guard wait TOKEN SECONDS   the timer's own
#
# Exit codes beside those of commands: 3 somebody else is at it, 4 not armed by this deploy.
set -eu

here=/run/simulacra-deploy
profile=/nix/var/nix/profiles/system
current=/run/current-system
unit=simulacra-rollback
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
	for state in armed rolling; do
		if [ -e "$here/$state" ]; then
			say owner "$(armed $state 1)"
			say token "$(armed $state 2)"
		fi
	done
	say back "$(cat "$here/last" 2>/dev/null || :)"
}

is_ours() { [ "$(armed armed 2)" = "$1" ]; }

claim() { # TOKEN STATE
	is_ours "$1" && mv "$here/armed" "$here/$2" 2>/dev/null || exit 4
}

has_systemd() { [ -d /run/systemd/system ]; }

start_timer() { # TOKEN SECONDS
	if has_systemd; then
		systemd-run --quiet --collect --unit="$unit-$1" --on-active="$2" \
			--timer-property=AccuracySec=1s /bin/sh "$here/guard" fire "$1"
	else
		setsid /bin/sh "$here/guard" wait "$1" "$2" </dev/null >/dev/null 2>&1 &
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
	if [ -e "$here/rolling" ] && [ -z "$(find "$here/rolling" -mmin +5)" ]; then
		echo "it goes back to its last system at this moment" >&2
		exit 3
	fi
	if [ -e "$here/armed" ]; then
		if [ "$(armed armed 1)" != "$1" ]; then
			echo "$(armed armed 1) deploys to it at this moment" >&2
			exit 3
		fi
		# A deploy of the same owner was cut short: back is where that one would have gone.
		generation=$(armed armed 4)
		system=$(armed armed 5)
	fi
	stop_timer
	printf '%s\n' "$1" "$2" "$3" "$generation" "$system" >"$here/armed.new"
	mv "$here/armed.new" "$here/armed"
	rm -f "$here/rolling"
	start_timer "$2" "$3"
}

extend() { # TOKEN
	is_ours "$1" || exit 4
	touch "$here/armed"
}

disarm() { # TOKEN
	claim "$1" disarmed
	rm -f "$here/disarmed"
	stop_timer
}

is_settled() { [ "$(readlink -f "$current")" = "$(readlink -f "$profile")" ]; }

# Its output goes to a file, so that it lives on when the connection does not.
switch() {
	trap '' HUP
	"$profile/bin/switch-to-configuration" switch >"$here/log" 2>&1
}

go_back() { # of $here/rolling
	token=$(armed rolling 2)
	generation=$(armed rolling 4)
	if [ "$(number)" != "$generation" ] || ! is_settled; then
		nix-env --profile "$profile" --switch-generation "$generation" >"$here/log" 2>&1
		n=0
		# Another switch may still be under way; and units that fail do not undo one.
		until switch || is_settled; do
			n=$((n + 1))
			if [ "$n" -ge "$tries" ]; then
				tail -n 5 "$here/log" >&2
				exit 1
			fi
			sleep 2
		done
	fi
	echo "$token" >"$here/last"
	rm -f "$here/rolling"
}

back() { # TOKEN
	claim "$1" rolling
	stop_timer
	go_back
}

is_switched() {
	[ "$(number)" != "$(armed armed 4)" ] || [ "$(readlink -f "$current")" != "$(armed armed 5)" ]
}

# Seconds that are left: they count from the switch, which takes a while itself, or from when the
# deploy last said so. Where the clock was set back, it is all of them.
left() {
	seconds=$(armed armed 3)
	last=$(stat -c %Y "$profile" "$current" "$here/armed" 2>/dev/null | sort -n | tail -n 1)
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
back) back "$2" ;;
fire) fire "$2" ;;
wait)
	wait_armed "$2" "$3"
	fire "$2"
	;;
earlier)
	nix-env --profile "$profile" --switch-generation "$(earlier)"
	switch || { tail -n 20 "$here/log" >&2 && exit 1; }
	;;
activate) exec "$2/bin/switch-to-configuration" dry-activate 2>&1 ;;
*) exit 2 ;;
esac
