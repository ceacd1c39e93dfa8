#!/usr/bin/env bash
# CPU time for each request of this gateway, nginx, haproxy and caddy, in one run on one machine.
#
#   LSCONFIG=target/release/lsconfig crates/gateway/benches/compare.sh [SECONDS]
#
# nginx, haproxy, caddy and wrk are taken from PATH; what is missing is left out and named. Every proxy
# has one worker pinned to core 0, the origin and the load run on the other cores. CPU time is that
# of the proxy's processes (/proc/PID/stat), so that load on the machine does not count. Each line:
# proxy, case, requests, microseconds of CPU for each request, p99.
set -euo pipefail

seconds=${1:-5}
lsconfig=${LSCONFIG:-target/release/lsconfig}
dir=$(mktemp -d)
pids=()
trap 'kill "${pids[@]}" 2>/dev/null || true; wait 2>/dev/null || true; rm -rf "$dir"' EXIT
last=$(($(nproc) - 1))

need() { command -v "$1" >/dev/null || { echo "$1 is not installed: left out" >&2; return 1; }; }
need wrk && need nginx || exit 2

openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 2 -subj /CN=localhost \
    -keyout "$dir/key.pem" -out "$dir/cert.pem" 2>/dev/null
cat "$dir/cert.pem" "$dir/key.pem" >"$dir/both.pem"
head -c 1048576 /dev/zero >"$dir/1m"

nginx_base="daemon off; error_log $dir/error.log crit; pid $dir/%s.pid; worker_processes 1;
events { worker_connections 4096; }
http { access_log off; client_body_temp_path $dir/b; proxy_temp_path $dir/p; fastcgi_temp_path $dir/f;
uwsgi_temp_path $dir/u; scgi_temp_path $dir/s; keepalive_requests 1000000; client_max_body_size 0;"

start() { # NAME COMMAND...: pinned to core 0
    taskset -c 0 "${@:2}" >"$dir/$1.log" 2>&1 &
    pids+=($!)
    eval "pid_$1=$!"
}

# shellcheck disable=SC2059
{
    printf "$nginx_base" origin
    echo "server { listen 127.0.0.1:7000 backlog=4096; root $dir; location = /b { return 200 ok; } } }"
} >"$dir/origin.conf"
taskset -c "$last" nginx -p "$dir" -c "$dir/origin.conf" &
pids+=($!)

start lsconfig "$lsconfig" gateway --upstream http://127.0.0.1:7000 --profile localstack --workers 1 \
    --listen 127.0.0.1:7001 --tls-cert "$dir/both.pem" --state-dir "$dir/state"
# shellcheck disable=SC2059
{
    printf "$nginx_base" proxy
    echo "upstream u { server 127.0.0.1:7000; keepalive 64; }
server { listen 127.0.0.1:7002; listen 127.0.0.1:7012 ssl; ssl_certificate $dir/cert.pem;
ssl_certificate_key $dir/key.pem; location / { proxy_pass http://u; proxy_http_version 1.1;
proxy_set_header Connection ''; proxy_set_header Host \$http_host;
proxy_set_header X-Forwarded-For \$remote_addr; proxy_request_buffering off; proxy_buffering on; } } }"
} >"$dir/proxy.conf"
start nginx nginx -p "$dir" -c "$dir/proxy.conf"
if need haproxy; then
    cat >"$dir/haproxy.cfg" <<EOF
global
    nbthread 1
defaults
    mode http
    timeout connect 5s
    timeout client 60s
    timeout server 60s
    option forwardfor
frontend shared
    bind 127.0.0.1:7003
    bind 127.0.0.1:7013 ssl crt $dir/both.pem
    default_backend u
backend u
    http-reuse always
    server o 127.0.0.1:7000
EOF
    start haproxy haproxy -db -f "$dir/haproxy.cfg"
fi
if need caddy; then
    printf '{\n admin off\n auto_https off\n}\nhttp://127.0.0.1:7004 {\n reverse_proxy 127.0.0.1:7000\n}\n' >"$dir/Caddyfile"
    GOMAXPROCS=1 start caddy caddy run --adapter caddyfile --config "$dir/Caddyfile"
fi
sleep 2

ticks() { # PID: CPU ticks of the process and its children
    local total=0 pid
    for pid in "$1" $(pgrep -P "$1" || true); do
        read -r -a stat <<<"$(sed 's/.*) //' "/proc/$pid/stat")"
        total=$((total + stat[11] + stat[12]))
    done
    echo "$total"
}

measure() { # NAME CASE URL WRK_ARGUMENTS...
    local pid before after out requests p99
    pid=$(eval "echo \${pid_$1:-}")
    [[ -n $pid ]] || return 0
    before=$(ticks "$pid")
    out=$(taskset -c "$last" wrk -t1 --latency -d"${seconds}s" "${@:4}" "$3")
    after=$(ticks "$pid")
    requests=$(awk '/requests in/ {print $1}' <<<"$out")
    p99=$(awk '/99%/ {print $2}' <<<"$out")
    awk -v n="$1" -v c="$2" -v r="$requests" -v t="$((after - before))" -v hz="$(getconf CLK_TCK)" \
        -v p="$p99" 'BEGIN {printf "%-9s %-16s %8d requests %8.1f us/request  p99 %s\n", n, c, r, t / hz / r * 1e6, p}'
    grep -E "Non-2xx|Socket errors" <<<"$out" || true
}

close='Connection: close'
for proxy in lsconfig:1 nginx:2 haproxy:3 caddy:4; do
    name=${proxy%:*} port=${proxy#*:}
    measure "$name" "GET keep-alive" "http://127.0.0.1:700$port/b" -c 32
    measure "$name" "GET connection" "http://127.0.0.1:700$port/b" -c 32 -H "$close"
    measure "$name" "1 MB down" "http://127.0.0.1:700$port/1m" -c 8
    [[ $name == caddy ]] && continue
    tls=$port; [[ $name == lsconfig ]] || tls=1$port
    [[ ${#tls} == 1 ]] && tls=0$tls
    measure "$name" "GET TLS" "https://127.0.0.1:70$tls/b" -c 32
    measure "$name" "TLS handshake" "https://127.0.0.1:70$tls/b" -c 32 -H "$close"
done
for name in lsconfig nginx haproxy; do
    pid=$(eval "echo \${pid_$name:-}")
    [[ -n $pid ]] && awk -v n="$name" '/VmRSS/ {printf "%-9s resident %d kB\n", n, $2}' "/proc/$pid/status"
done
exit 0
