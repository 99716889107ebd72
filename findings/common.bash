# What the findings share; each sources it after it has made its temporary folder $dir.

# debian PACKAGE=VERSION...: unpacks pinned packages of Debian 12, its updates and its backports into $dir/root,
# from the mirror that this machine uses. Nothing is installed.
debian() {
	local site suite where apt package deb
	site=$(apt-get indextargets --format '$(SITE)' 'Created-By: Packages' | grep -m 1 '/debian/\?$')
	mkdir -p "$dir/apt/lists/partial" "$dir/apt/archives/partial" "$dir/root"
	for suite in bookworm bookworm-backports bookworm-security; do
		where=$site
		[[ $suite == *-security ]] && where=${site%/}-security
		echo "deb [signed-by=/usr/share/keyrings/debian-archive-keyring.gpg] $where $suite main"
	done >"$dir/apt/sources.list"
	apt=(-q -o "Dir::Etc::SourceList=$dir/apt/sources.list" -o Dir::Etc::SourceParts=/dev/null
		-o "Dir::State::Lists=$dir/apt/lists" -o "Dir::Cache=$dir/apt" -o APT::Sandbox::User=root)
	apt-get "${apt[@]}" update >"$dir/apt/log" 2>&1 || { cat "$dir/apt/log"; return 1; }
	for package in "$@"; do
		(cd "$dir/apt" && apt-get "${apt[@]}" download "$package" >>log 2>&1) || { cat "$dir/apt/log"; return 1; }
	done
	for deb in "$dir"/apt/*.deb; do
		dpkg -x "$deb" "$dir/root"
	done
}

# free_port prints a port of the loopback that nobody listens on.
free_port() {
	python3 -c 'import socket; s = socket.socket(); s.bind(("127.0.0.1", 0)); print(s.getsockname()[1])'
}

# pids are the processes that end_processes ends.
pids=()

# server NAME PORT ARGUMENT...: starts redis or valkey without persistence and waits until it answers.
server() {
	local name=$1 port=$2
	shift 2
	mkdir "$dir/$port"
	"$dir/root/usr/bin/$name-server" --port "$port" --bind 127.0.0.1 --dir "$dir/$port" --save '' \
		--repl-diskless-sync-delay 0 "$@" >"$dir/$port.log" 2>&1 &
	pids+=($!)
	until "$dir/root/usr/bin/$name-cli" -p "$port" ping >/dev/null 2>&1; do sleep 0.1; done
}

# end_processes ends the processes that the function server has started, frozen or not.
end_processes() {
	local pid
	for pid in "${pids[@]}"; do
		kill -KILL "$pid" 2>/dev/null || true
	done
	wait 2>/dev/null || true
}
