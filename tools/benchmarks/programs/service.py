"""A web service on aiohttp, and its load: prints requests a second by rounds.

    service.py SECONDS ROUNDS

Both are processes of this one, which ask each other over loopback.
"""
import asyncio
import json
import multiprocessing
import sys
import time

from aiohttp import ClientSession, TCPConnector, web


async def answer(request):
    """Some work of the kind that services do."""
    await asyncio.sleep(0)
    names = {str(number): number * number for number in range(60)}
    return web.Response(text=json.dumps(names), content_type="application/json")


async def serve(port):
    application = web.Application()
    application.router.add_get("/", answer)
    runner = web.AppRunner(application, access_log=None)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    port.send(site._server.sockets[0].getsockname()[1])
    while not port.poll():
        await asyncio.sleep(0.05)
    await runner.cleanup()


async def ask(port, seconds, rounds):
    async with ClientSession(connector=TCPConnector(limit=8)) as session:
        for _ in range(rounds):
            done, start = 0, time.perf_counter()

            async def client():
                nonlocal done
                while time.perf_counter() - start < seconds:
                    async with session.get(f"http://127.0.0.1:{port}/") as response:
                        assert len(await response.json()) == 60
                    done += 1

            await asyncio.gather(*(client() for _ in range(8)))
            print(done / (time.perf_counter() - start), flush=True)


def load(port, seconds, rounds):
    asyncio.run(ask(port.recv(), seconds, rounds))
    port.send("done")


def main():
    seconds, rounds = float(sys.argv[1]), int(sys.argv[2])
    here, there = multiprocessing.Pipe()
    process = multiprocessing.Process(target=load, args=(there, seconds, rounds))
    process.start()
    asyncio.run(serve(here))
    process.join()


main()
