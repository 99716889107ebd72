#!/usr/bin/env bash
# Taking back the move of a slot of a Redis Cluster that was left half done.
#
# Guess: MIGRATE works in both directions. To cancel a reshard, one moves the keys that have left back to the node
# that still owns the slot, and then declares the slot stable on both sides: every key can be reached the whole
# time.
#
# Seen (both Redis 7.0.15 and Valkey 8.0.1): the owner refuses each key with ASK, although MIGRATE sends
# RESTORE-ASKING: while the slot counts as migrating, the owner redirects commands for a key that it does not have
# to the other node. Only after CLUSTER SETSLOT STABLE does the owner accept the keys again. From then on, and until
# a key is back, it answers reads of this key with nil and no redirection, which looks like lost data.
set -euo pipefail

dir=$(mktemp -d)
source "$(dirname "$0")/common.bash"
trap 'rm -rf "$dir"' EXIT

debian redis-server=5:7.0.15-1~deb12u10 redis-tools=5:7.0.15-1~deb12u10 \
	valkey-server=8.0.1+dfsg1-1~bpo12+1 valkey-tools=8.0.1+dfsg1-1~bpo12+1

# low_port prints a free port whose cluster bus, 10000 above, is a port as well.
low_port() {
	local port
	until port=$(free_port) && ((port < 55000)); do :; done
	echo "$port"
}

# waits CONDITION...: until a command succeeds, for ten seconds.
waits() {
	local n
	for ((n = 0; n < 100; n++)); do
		"$@" && return
		sleep 0.1
	done
	echo "never: $*" >&2
	return 1
}

# taking_back NAME: moves one of a slot's two keys, and then tries to return it.
taking_back() {
	trap end_processes EXIT # of the subshell that this runs in
	local name=$1 cli=$dir/root/usr/bin/$1-cli owner other slot
	owner=$(low_port)
	server "$name" "$owner" --cluster-enabled yes
	other=$(low_port)
	server "$name" "$other" --cluster-enabled yes
	at() { "$cli" -p "$@" 2>&1; }
	at "$owner" cluster addslotsrange 0 16383 >"$dir/ok"
	at "$owner" cluster meet 127.0.0.1 "$other" >"$dir/ok"
	met() { [[ $(at "$other" cluster info) == *cluster_state:ok*cluster_known_nodes:2* ]]; }
	waits met
	slot=$(at "$owner" cluster keyslot '{t}a')
	at "$owner" mset '{t}a' 1 '{t}b' 2 >"$dir/ok"
	at "$other" cluster setslot "$slot" importing "$(at "$owner" cluster myid)" >"$dir/ok"
	at "$owner" cluster setslot "$slot" migrating "$(at "$other" cluster myid)" >"$dir/ok"
	at "$owner" migrate 127.0.0.1 "$other" '{t}a' 0 1000 >"$dir/ok"

	echo "back while migrating: $(at "$other" migrate 127.0.0.1 "$owner" '{t}a' 0 1000 | grep -o 'ASK\|OK')"
	at "$owner" cluster setslot "$slot" stable >"$dir/ok"
	echo "the owner once stable: '$(at "$owner" get '{t}a')'"
	echo "back once stable: $(at "$other" migrate 127.0.0.1 "$owner" '{t}a' 0 1000 | grep -o 'ASK\|OK')"
	echo "the owner at last: '$(at "$owner" get '{t}a')'"
}

expected="back while migrating: ASK
the owner once stable: ''
back once stable: OK
the owner at last: '1'"
for name in redis valkey; do
	seen=$(taking_back "$name")
	echo "$("$dir/root/usr/bin/$name-server" --version | cut -d ' ' -f 1-3)
$seen"
	[[ $seen == "$expected" ]]
done
