#!/usr/bin/env bash
# Start AWS's own DynamoDB Local, run the races on it, stop it. It comes inside an npm package whose licence forbids
# passing it on, so it is downloaded when asked for and is never part of this repository.
set -euo pipefail
cd "$(dirname "$0")/../.."
for tool in java npm; do
  command -v "$tool" >/dev/null || { echo "make test-dynamodb needs java (17 or later) and npm; '$tool' is missing. Nothing was tested."; exit 1; }
done
home=build/dynamodb-local
jar=$home/package/emulator/DynamoDBLocal.jar
if [ ! -f "$jar" ]; then
  mkdir -p "$home"
  (cd "$home" && npm pack --silent amplify-dynamodb-simulator@2.9.30 >/dev/null && tar xzf amplify-dynamodb-simulator-2.9.30.tgz)
fi
port=$(.venv/bin/python -c 'import socket; s = socket.socket(); s.bind(("127.0.0.1", 0)); print(s.getsockname()[1])')
java "-Djava.library.path=$(dirname "$jar")/DynamoDBLocal_lib" -jar "$jar" -disableTelemetry -sharedDb -inMemory -port "$port" >"$home/log" 2>&1 &
server=$!
trap 'kill $server 2>/dev/null; wait $server 2>/dev/null || true' EXIT
for _ in $(seq 100); do
  kill -0 $server 2>/dev/null || { cat "$home/log"; exit 1; }
  (exec 3<>"/dev/tcp/127.0.0.1/$port") 2>/dev/null && break
  sleep 0.1
done
GELOMBANG_TEST_DYNAMODB="http://127.0.0.1:$port" .venv/bin/pytest -m dynamodb tests/races
