#!/usr/bin/python3
"""Subscribes, writes and reads: client.py DATABASE SESSION_ID"""
import json
import os
import sys
import zmq

database, session_id = sys.argv[1:]
with open(os.path.realpath(database) + ".dbproxy/lock") as lock:
    primary = json.load(lock)
events = zmq.Context.instance().socket(zmq.SUB)
events.subscribe(b"")
events.connect(primary["pub_addr"])
events.recv_multipart()  # a heartbeat comes every second: subscribed
rpc = zmq.Context.instance().socket(zmq.REQ)
rpc.connect(primary["rpc_addr"])


def call(rpc_method, **params):
    rpc.send_json({"jsonrpc": "2.0", "id": 1, "method": rpc_method, "params": params})
    answer = rpc.recv_json()
    return answer["result"] if "result" in answer else sys.exit(str(answer["error"]))


session = {"id": session_id, "title": "from Python", "message_count": 0,
           "prompt_tokens": 0, "completion_tokens": 0, "cost": 0}
# With a request id a write may be sent again: it takes effect once.
call("db.write", method="CreateSession", params=session, meta={"request_id": session_id})
print("read:", call("db.read", method="GetSessionByID", params=session_id)["title"])
while (event := json.loads(events.recv_multipart()[1]))["topic"] == "instance.heartbeat":
    pass
print("event:", event["topic"], event["payload"]["key"])
