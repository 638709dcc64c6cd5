"""Looks for tests that check what the operator has not seen yet. With TEST_ANSWERS_LATE=0.15 each
byte of the API server reaches the operators 0.15 seconds late, and a Proxy sees each answer so much
later; such a test then fails each time, not once in a thousand runs. The operator promises that a
value is valid at most 200 ms after the API server shows it, so longer delays break its promises."""

import asyncio
import contextlib
import functools
import os
import pathlib
import threading
import urllib.parse

import yaml

from testbed.waiting import pause

SECONDS = float(os.environ.get("TEST_ANSWERS_LATE", "0"))


def hold():
    """A Proxy has an answer, and must not have seen it yet."""
    if SECONDS:
        pause(SECONDS)


def late_kubeconfig(path, late_path):
    """A kubeconfig at `late_path` like that at `path`, whose servers on loopback answer late. If
    there is no such server, or no delay is asked for, `path` itself."""
    if not SECONDS:
        return path
    with contextlib.suppress(OSError, yaml.YAMLError, KeyError, TypeError, ValueError):
        config = yaml.safe_load(pathlib.Path(path).read_text())
        for entry in config["clusters"]:
            server = urllib.parse.urlsplit(entry["cluster"]["server"])
            if server.hostname == "127.0.0.1" and server.scheme == "https":
                late = server._replace(netloc=f"127.0.0.1:{relay_to(server.port)}")
                entry["cluster"]["server"] = late.geturl()
        late_path.write_text(yaml.safe_dump(config))
        return late_path
    return path  # it is what the test is about


def relay_to(port):
    """The port of a relay to `port`, for as long as the tests run."""

    async def meet(reader, writer):
        try:
            from_server, to_server = await asyncio.open_connection("127.0.0.1", port)
        except OSError:  # the API server is away
            writer.close()
            return
        await asyncio.gather(carry(reader, to_server, 0), carry(from_server, writer, SECONDS))

    async def listen():
        server = await asyncio.start_server(meet, "127.0.0.1", 0)
        return server.sockets[0].getsockname()[1]

    return asyncio.run_coroutine_threadsafe(listen(), loop()).result()


async def carry(reader, writer, late):
    """Writes what `reader` gives, each piece `late` seconds after it came, up to its end."""
    time, pieces = asyncio.get_running_loop().time, asyncio.Queue()

    async def read():
        piece = b"the first"
        while piece:
            piece = b""
            with contextlib.suppress(OSError):
                piece = await reader.read(1 << 16)
            pieces.put_nowait((time() + late, piece))

    async def write():
        while True:
            due, piece = await pieces.get()
            await asyncio.sleep(due - time())
            if not piece or writer.is_closing():
                return
            writer.write(piece)

    reading = asyncio.create_task(read())
    await write()
    reading.cancel()
    writer.close()


@functools.cache
def loop():
    made = asyncio.new_event_loop()
    threading.Thread(target=made.run_forever, daemon=True).start()
    return made
