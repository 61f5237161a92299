"""A server of gevent's under load from its own clients. What it prints is the same each time."""
from gevent import monkey

monkey.patch_all()

import hashlib
import urllib.request

import gevent
from gevent.pool import Pool
from gevent.pywsgi import WSGIServer

served = 0


def serve(environment, start_response):
    global served
    served += 1
    gevent.sleep(0.001)
    start_response("200 OK", [("Content-Type", "text/plain")])
    return [hashlib.sha256(environment["PATH_INFO"].encode()).hexdigest().encode()]


server = WSGIServer(("127.0.0.1", 0), serve, log=None)
server.start()
digest = hashlib.sha256()


def fetch(number):
    path = "http://127.0.0.1:%d/%d" % (server.server_port, number)
    with urllib.request.urlopen(path) as answer:
        return answer.read()


for body in Pool(16).map(fetch, range(200)):
    digest.update(body)
server.stop()
print("served", served)
print("digest", digest.hexdigest())
