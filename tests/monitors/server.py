"""TCP servers on loopback for one test."""

import asyncio
from contextlib import asynccontextmanager


@asynccontextmanager
async def serving(talk, tls=None):
    """A TCP server on loopback whose connections run `talk(reader, writer)`; gives its port."""
    tasks = set()

    async def connected(reader, writer):
        tasks.add(asyncio.current_task())
        try:
            await talk(reader, writer)
        except (ConnectionError, asyncio.CancelledError, asyncio.IncompleteReadError):
            pass
        finally:
            writer.transport.abort()
            tasks.discard(asyncio.current_task())

    server = await asyncio.start_server(connected, "127.0.0.1", 0, ssl=tls)
    async with server:
        yield server.sockets[0].getsockname()[1]
        server.close()
        for task in list(tasks):
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


async def for_ever(reader, writer):
    """Accepts and never says a word."""
    await asyncio.Event().wait()
