#!/usr/bin/env bash
# Start AWS's own DynamoDB Local, run tests on it (the folder, and what else pytest is to be told, are the arguments; or
# RUN has another command, which they are told), stop it. It comes inside an npm package whose licence forbids passing
# it on, so it is downloaded when asked for and is never part of this repository.
set -euo pipefail
cd "$(dirname "$0")/.."
missing=
for tool in java npm; do
  command -v "$tool" >/dev/null || missing="$missing $tool"
done
if [ -n "$missing" ]; then
  echo "Tests on DynamoDB Local need java (17 or later) and npm. Missing:$missing. Nothing was tested."
  exit 1
fi
home=$PWD/build/dynamodb-local
emulator=$home/package/emulator
mkdir -p "$home"
if [ ! -f "$emulator/DynamoDBLocal.jar" ]; then
  echo "downloading DynamoDB Local (57 MB)"
  rm -rf "$home/new"
  mkdir "$home/new"
  (cd "$home/new" && npm pack --loglevel=error amplify-dynamodb-simulator@2.9.30 >/dev/null && tar xzf amplify-dynamodb-simulator-2.9.30.tgz)
  rm -rf "$home/package"
  mv "$home/new/package" "$home/package" # only now: an interrupted download must not be taken for a whole one
  rm -rf "$home/new"
fi
port=$(.venv/bin/python -c 'import socket; s = socket.socket(); s.bind(("127.0.0.1", 0)); print(s.getsockname()[1])')
# It writes a file about itself wherever it is started.
(cd "$home" && exec java "-Djava.library.path=$emulator/DynamoDBLocal_lib" -jar "$emulator/DynamoDBLocal.jar" \
  -disableTelemetry -sharedDb -inMemory -port "$port" >log 2>&1) &
server=$!
tests=
trap 'kill $tests $server 2>/dev/null; wait 2>/dev/null || true' EXIT
until (exec 3<>"/dev/tcp/127.0.0.1/$port") 2>/dev/null; do # a busy machine may take a minute
  kill -0 $server 2>/dev/null || { cat "$home/log"; exit 1; }
  sleep 0.1
done
GELOMBANG_TEST_DYNAMODB="http://127.0.0.1:$port" ${RUN:-.venv/bin/pytest -m dynamodb} "$@" &
tests=$! # not in the foreground: a shell that is told to stop would wait for it, or leave it behind
wait $tests
