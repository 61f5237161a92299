"""A service of a well-known framework, asked by many at once: prints what all answers together are.

    web.py aiohttp|flask
"""
import hashlib
import sys
import threading
import time
import urllib.request
from concurrent.futures import ThreadPoolExecutor

CLIENTS, REQUESTS = 8, 200


def work(number):
    return {str(factor): number * factor for factor in range(50)}


def ask(port):
    def one(number):
        with urllib.request.urlopen(f"http://127.0.0.1:{port}/{number}", timeout=30) as response:
            return number, response.status, response.read()

    with ThreadPoolExecutor(CLIENTS) as pool:
        answers = sorted(pool.map(one, range(REQUESTS)))
    digest = hashlib.sha256(repr(answers).encode()).hexdigest()
    print("answers", len(answers), "good", sum(status == 200 for _, status, _ in answers))
    print("digest", digest)


def serve_flask():
    import logging

    from flask import Flask, jsonify
    from werkzeug.serving import make_server

    logging.getLogger("werkzeug").setLevel(logging.ERROR)
    application = Flask(__name__)
    lock = threading.Lock()

    @application.route("/<int:number>")
    def answer(number):
        with lock:
            time.sleep(0.001)
        return jsonify(work(number))

    server = make_server("127.0.0.1", 0, application, threaded=True)
    thread = threading.Thread(target=server.serve_forever, name="server")
    thread.start()
    ask(server.server_port)
    server.shutdown()
    thread.join()


def serve_aiohttp():
    import asyncio

    from aiohttp import web

    async def answer(request):
        await asyncio.sleep(0.001)
        return web.json_response(work(int(request.match_info["number"])))

    async def main():
        application = web.Application()
        application.router.add_get("/{number}", answer)
        runner = web.AppRunner(application, access_log=None)
        await runner.setup()
        site = web.TCPSite(runner, "127.0.0.1", 0)
        await site.start()
        port = site._server.sockets[0].getsockname()[1]
        await asyncio.get_running_loop().run_in_executor(None, ask, port)
        await runner.cleanup()

    asyncio.run(main())


{"flask": serve_flask, "aiohttp": serve_aiohttp}[sys.argv[1]]()
