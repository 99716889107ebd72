#!/usr/bin/env bash
# A version of a map that is prepared beside the live one.
#
# Guess: "prepare map", "add map @version" and "commit map @version" replace a map by what was added to the version,
# and changes that others make to the live map in the meantime are lost with it, all alike.
#
# Seen: HAProxy 2.6.12 applies "set map" of others to the prepared version as well, so the commit keeps it, whatever
# the writer of the version had added; "add map" of others goes to the live map only, and the commit loses it. Of two
# versions the one prepared first cannot be committed any more when the other has been. So each writer has to read
# the map after its commit, or to be the only one.
set -euo pipefail

dir=$(mktemp -d)
source "$(dirname "$0")/common.bash"
trap 'end_processes; rm -rf "$dir"' EXIT

debian haproxy=2.6.12-1+deb12u4

cat >"$dir/haproxy.cfg" <<END
global
	stats socket $dir/s level admin
defaults
	mode http
	timeout connect 1s
	timeout client 1s
	timeout server 1s
frontend f
	bind 127.0.0.1:$(free_port)
	http-request set-header x-route %[req.hdr(x-tenant),map_str($dir/m)]
END
echo "one first" >"$dir/m"
"$dir/root/usr/sbin/haproxy" -db -f "$dir/haproxy.cfg" >"$dir/log" 2>&1 &
pids+=($!)

# call LINE...: one request to the Runtime API, whose payload ends with an empty line; prints the answer.
call() {
	printf '%s\n' "$@" | python3 -c '
import socket, sys
s = socket.socket(socket.AF_UNIX)
s.connect(sys.argv[1])
s.sendall(sys.stdin.buffer.read())
while d := s.recv(65536):
    sys.stdout.buffer.write(d)' "$dir/s"
}
until call "show info" >/dev/null 2>&1; do sleep 0.1; done

entries() { call "show map $dir/m" | cut -s -d' ' -f2- | xargs; }

call "prepare map $dir/m" >/dev/null
call "add map @1 $dir/m <<" "one prepared" "" >/dev/null
call "set map $dir/m one set" >/dev/null
call "add map $dir/m two added" >/dev/null
before=$(entries)
call "commit map @1 $dir/m" >/dev/null
seen="before the commit: $before
after it: $(entries)"
call "prepare map $dir/m" >/dev/null
call "prepare map $dir/m" >/dev/null
call "commit map @3 $dir/m" >/dev/null
seen+="
the older version: $(call "commit map @2 $dir/m" | head -n 1)"
echo "$seen"
[[ $seen == "before the commit: one set two added
after it: one set
the older version: Version number out of range." ]]
