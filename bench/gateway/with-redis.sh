#!/usr/bin/env bash
# Starts a redis-server (append-only file, fsync each second) and the gateway on it, for bench/compare.py: its figure is both
# together. At the end the CPU time of each goes to $QUEUE_DIR/../redis-cpu.txt.
#   bench/compare.py run redact -- bench/gateway/with-redis.sh bench/gateway/redis.yaml
set -u
dir="$QUEUE_DIR/redis"
mkdir -p "$dir"
redis-server --port 26379 --bind 127.0.0.1 --dir "$dir" --save '' --appendonly yes --appendfsync everysec >"$dir/log" 2>&1 &
redis=$!
until redis-cli -p 26379 ping >/dev/null 2>&1; do sleep 0.1; done
node "$(dirname "$0")/../../dist/services/ctl/main.js" start --config "$1" &
gateway=$!
cpu() { awk '{ printf "%.2f", ($14 + $15) / 100 }' "/proc/$1/stat" 2>/dev/null; }
end() {
  echo "gateway $(cpu $gateway) s, redis-server $(cpu $redis) s" >>"$QUEUE_DIR/../redis-cpu.txt"
  kill $gateway 2>/dev/null
  wait $gateway
  kill $redis 2>/dev/null
  wait $redis
  exit 0
}
trap end TERM INT
wait $gateway
