#!/usr/bin/env bash
# Scripts on a Redis whose memory is full.
#
# Guess: with maxmemory reached and noeviction, each command in a Lua script is allowed or refused independently:
# DEL is allowed, HSET is refused. And declaring a script by "#!lua" changes nothing but how its keys are checked.
#
# Seen (both Redis 7.0.15 and Valkey 8.0.1): only the first command that may write is checked. After a DEL or
# PEXPIRE, even of a key that does not exist, every later HSET succeeds; after a GET it is refused. So a script can
# free memory of a full server if it begins with the deletion, and fails if the same commands come in another order.
# With "#!lua" the whole script is refused before it runs, a mere DEL included, unless it asks for allow-oom.
set -euo pipefail

dir=$(mktemp -d)
source "$(dirname "$0")/common.bash"
trap 'rm -rf "$dir"' EXIT

debian redis-server=5:7.0.15-1~deb12u10 redis-tools=5:7.0.15-1~deb12u10 \
	valkey-server=8.0.1+dfsg1-1~bpo12+1 valkey-tools=8.0.1+dfsg1-1~bpo12+1

# answers NAME: prints the result of each script on a full server.
answers() {
	trap end_processes EXIT # of the subshell that this runs in
	local name=$1 port script
	local cli=$dir/root/usr/bin/$name-cli
	port=$(free_port)
	server "$name" "$port" --maxmemory-policy noeviction
	"$cli" -p "$port" config set maxmemory 1 >"$dir/ok"
	local set="return redis.call('HSET', KEYS[1], 'field', 'value')"
	for script in \
		"$set" \
		"redis.call('GET', KEYS[2]) $set" \
		"redis.call('DEL', KEYS[2]) $set" \
		"redis.call('PEXPIRE', KEYS[2], 1) $set" \
		$'#!lua\n'"return redis.call('DEL', KEYS[2])" \
		$'#!lua flags=allow-oom\n'"return redis.call('DEL', KEYS[2])"; do
		"$cli" -p "$port" eval "$script" 2 hash absent | grep -o -m 1 '^OOM\|^[0-9]*$'
	done | xargs
}

seen="Redis 7.0.15: $(answers redis)
Valkey 8.0.1: $(answers valkey)"
echo "SET, GET+SET, DEL+SET, PEXPIRE+SET, declared DEL, declared DEL with allow-oom"
echo "$seen"
[[ $seen == "Redis 7.0.15: OOM OOM 1 0 OOM 0
Valkey 8.0.1: OOM OOM 1 0 OOM 0" ]]
