#!/usr/bin/python3
"""Writes, reads and subscribes without any library but pyzmq.

usage: client.py DATABASE SESSION_ID (needs a primary: dbproxy serve --db ...)
"""
import json
import os
import sys

import zmq

database, session_id = sys.argv[1:]
with open(os.path.realpath(database) + ".dbproxy/lock") as lock:
    primary = json.load(lock)

context = zmq.Context()
events = context.socket(zmq.SUB)
events.subscribe(b"")
events.connect(primary["pub_addr"])
events.recv_multipart()  # a heartbeat: subscribed

rpc = context.socket(zmq.REQ)
rpc.connect(primary["rpc_addr"])


def call(rpc_method, method, params, **meta):
    body = {"method": method, "params": params, **meta}
    rpc.send_json({"jsonrpc": "2.0", "id": 1, "method": rpc_method,
                   "params": body})
    answer = rpc.recv_json()
    if "error" in answer:
        sys.exit(f"{answer['error']['data']}")
    return answer["result"]


# With a request id the write may be sent again: it takes effect once.
call("db.write", "CreateSession",
     {"id": session_id, "title": "from Python", "message_count": 0,
      "prompt_tokens": 0, "completion_tokens": 0, "cost": 0},
     meta={"request_id": f"python-{session_id}"})
print("read:", call("db.read", "GetSessionByID", session_id)["title"])
while (event := json.loads(events.recv_multipart()[1]))["topic"][:3] != "db.":
    pass
print("event:", event["topic"], event["payload"]["key"])
