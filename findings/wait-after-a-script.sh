#!/usr/bin/env bash
# WAIT after a script that wrote nothing.
#
# Guess: a client that repeats a write, and finds in its script that the write is there already, learns by WAIT how
# many replicas have it: WAIT returns how many replicas have all writes so far.
#
# Seen: Redis 7.0.15 behaves like this. With Valkey 8.0.1, WAIT waits for the last write of the same connection
# only. On a connection that wrote nothing, for instance because a client library opened it to repeat a command,
# WAIT returns immediately that every replica acknowledges, although the only one is frozen and has nothing. "Apply
# once, then WAIT" has to write something at every repetition.
set -euo pipefail

dir=$(mktemp -d)
source "$(dirname "$0")/common.bash"
trap 'rm -rf "$dir"' EXIT

debian redis-server=5:7.0.15-1~deb12u10 redis-tools=5:7.0.15-1~deb12u10 \
	valkey-server=8.0.1+dfsg1-1~bpo12+1 valkey-tools=8.0.1+dfsg1-1~bpo12+1

# answers NAME: a write and its repetition by another connection, each followed by WAIT, with a frozen replica.
answers() {
	trap end_processes EXIT # of the subshell that this runs in
	local name=$1 master replica
	local cli=$dir/root/usr/bin/$name-cli
	master=$(free_port)
	server "$name" "$master"
	replica=$(free_port)
	server "$name" "$replica" --replicaof 127.0.0.1 "$master"
	until "$cli" -p "$replica" info replication | grep -q 'master_link_status:up'; do sleep 0.1; done
	kill -STOP "${pids[-1]}"
	local once="if redis.call('EXISTS', KEYS[1]) == 1 then return 'there' end redis.call('SET', KEYS[1], '1') return 'written'"
	for _ in write repetition; do
		printf 'EVAL "%s" 1 key\nWAIT 1 300\n' "$once" | "$cli" -p "$master"
	done | xargs
}

seen="Redis 7.0.15: $(answers redis)
Valkey 8.0.1: $(answers valkey)"
echo "$seen"
[[ $seen == "Redis 7.0.15: written 0 there 0
Valkey 8.0.1: written 0 there 1" ]]
