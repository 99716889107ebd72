#!/usr/bin/env bash
# Reads in a transaction on a Redis whose memory is full.
#
# Guess: with maxmemory reached and noeviction, commands that only read succeed, in MULTI as well as alone.
#
# Seen: Redis 7.0.15 answers HGETALL alone, refuses it with OOM when it is queued after MULTI, and EXEC answers
# EXECABORT. In a script the same read succeeds. With Valkey 8.0.1 it succeeds in all three cases.
set -euo pipefail

dir=$(mktemp -d)
source "$(dirname "$0")/common.bash"
trap 'rm -rf "$dir"' EXIT

debian redis-server=5:7.0.15-1~deb12u10 redis-tools=5:7.0.15-1~deb12u10 \
	valkey-server=8.0.1+dfsg1-1~bpo12+1 valkey-tools=8.0.1+dfsg1-1~bpo12+1

# answers NAME: prints the results of a read on a full server: alone, in a transaction, and in a script.
answers() {
	trap end_processes EXIT # of the subshell that this runs in
	local name=$1 port
	local cli=$dir/root/usr/bin/$name-cli
	port=$(free_port)
	server "$name" "$port" --maxmemory-policy noeviction
	"$cli" -p "$port" hset hash field value >"$dir/ok"
	"$cli" -p "$port" config set maxmemory 1 >"$dir/ok"
	{
		"$cli" -p "$port" hgetall hash
		printf 'multi\nhgetall hash\nexec\n' | "$cli" -p "$port"
		"$cli" -p "$port" eval "return redis.call('HGETALL', KEYS[1])" 1 hash
	} | grep -o '^OK\|^OOM\|^EXECABORT\|^QUEUED\|^field\|^value' | xargs
}

seen="Redis 7.0.15: $(answers redis)
Valkey 8.0.1: $(answers valkey)"
echo "HGETALL; MULTI, HGETALL, EXEC; HGETALL in a script"
echo "$seen"
[[ $seen == "Redis 7.0.15: field value OK OOM EXECABORT field value
Valkey 8.0.1: field value OK QUEUED field value field value" ]]
