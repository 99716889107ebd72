# A PostgreSQL of its own, for findings that need one; sourced after common.bash.

# pg PROGRAM ARGUMENT...: runs a program of PostgreSQL, as the user nobody if root calls it: PostgreSQL refuses root.
pg() {
	local program=$1 libraries run=()
	shift
	libraries=$(find "$dir/root" -name '*.so.*' -printf '%h\n' | sort -u | paste -sd:)
	[[ $(id -u) -ne 0 ]] || run=(setpriv --reuid=nobody --regid=nogroup --clear-groups)
	"${run[@]}" env "LD_LIBRARY_PATH=$libraries" "$dir/root/usr/lib/postgresql/15/bin/$program" "$@"
}

# postgres NAME=VALUE...: starts a server with these settings on a free port and prints its version.
postgres() {
	debian postgresql-15=15.20-0+deb12u1 postgresql-client-15=15.20-0+deb12u1 libpq5=15.20-0+deb12u1 \
		libllvm14=1:14.0.6-12 libicu72=72.1-3+deb12u1 libxml2=2.9.14+dfsg-1.3~deb12u6
	port=$(free_port)
	chmod 755 "$dir"
	mkdir "$dir/pg"
	[[ $(id -u) -ne 0 ]] || chown nobody "$dir/pg"
	pg initdb -D "$dir/pg/data" -U postgres -A trust -N >"$dir/log" 2>&1 || { cat "$dir/log"; return 1; }
	pg postgres -D "$dir/pg/data" -c port="$port" -c listen_addresses=127.0.0.1 -c unix_socket_directories= -c fsync=off \
		"${@/#/--}" >"$dir/log" 2>&1 &
	until pg pg_isready -q -h 127.0.0.1 -p "$port"; do sleep 0.1; done
	sql 'SHOW server_version'
}

# sql STATEMENT...: runs statements, each in a transaction of its own, on one connection, and prints what they return.
sql() {
	pg psql -X -q -t -A -v ON_ERROR_STOP=1 -h 127.0.0.1 -p "$port" -U postgres postgres < <(printf '%s;\n' "$@")
}

# end_postgres ends the server.
end_postgres() {
	[[ ! -e $dir/pg/data/postmaster.pid ]] || kill -QUIT "$(head -n 1 "$dir/pg/data/postmaster.pid")"
	wait 2>/dev/null || true
}
