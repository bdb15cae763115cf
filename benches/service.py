"""Measures the broker's own process: see service.sh."""
import asyncio
import json
import os
import resource
import socket
import sqlite3
import statistics
import subprocess
import sys
import tempfile
import time

WELKIN, WATCHERS = (os.path.abspath(program) for program in sys.argv[1:3])
VENV = sys.argv[4] if len(sys.argv) > 4 and sys.argv[3] == "--schemathesis" else None
TICK = os.sysconf("SC_CLK_TCK")


def home():
    folder = tempfile.mkdtemp(prefix="welkin-service-")
    os.environ["WELKIN_HOME"] = folder
    os.environ.pop("WELKIN_FOREGROUND", None)
    os.environ["NO_COLOR"] = "1"
    return folder


def welkin(*args, **more):
    return subprocess.run([WELKIN, *args], check=True, capture_output=True, text=True, **more).stdout


def broker():
    return json.loads(welkin("broker", "status", "-o", "json"))


def socket_of(folder):
    return os.path.join(folder, "state/broker.sock")


def ask(folder, path):
    """One request in the fewest bytes; status, body."""
    line = socket.socket(socket.AF_UNIX)
    line.connect(socket_of(folder))
    line.sendall(f"GET {path} HTTP/1.1\r\nhost: w\r\nconnection: close\r\n\r\n".encode())
    data = b""
    while piece := line.recv(1 << 16):
        data += piece
    head, body = data.split(b"\r\n\r\n", 1)
    return int(head.split()[1]), body


def memory(pid, what):
    for line in open(f"/proc/{pid}/{'smaps_rollup' if what == 'Pss' else 'status'}"):
        if line.startswith(what + ":"):
            return int(line.split()[1]) / 1024
    return 0.0


def cpu(pid):
    fields = open(f"/proc/{pid}/stat").read().rsplit(")", 1)[1].split()
    return (int(fields[11]) + int(fields[12])) / TICK


def row(what, found, asked):
    print(f"| {what} | {found} | {asked} |", flush=True)


def stand_by():
    folder = home()
    welkin("catalog", "list")
    began = time.monotonic()
    process = subprocess.Popen(
        [WELKIN, "broker", "run", "--detach"], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL
    )
    assert process.stdout.readline() == b"ready\n"
    assert ask(folder, "/v1/health")[0] == 200
    healthy = time.monotonic() - began
    pss = memory(process.pid, "Pss")
    welkin("broker", "stop")
    process.wait()
    row("broker idle: PSS; start to healthy", f"{pss:.1f} MiB; {healthy * 1000:.0f} ms", "20 MiB, 50 ms")


JOB = "name: many\nresources: {cpus: 1+}\nrun: 'true'\n"


def thousand(count=1000, at_once=50):
    folder = home()
    job, plan = os.path.join(folder, "job.yaml"), os.path.join(folder, "plan.json")
    open(job, "w").write(JOB)
    welkin("plan", job, "--save", plan)
    welkin("up", plan, "-d")
    pid, before = broker()["pid"], None
    while broker()["driven"]:
        time.sleep(0.05)
    before = cpu(pid)
    began, waiting, running = time.monotonic(), count, []
    while waiting or running:
        while waiting and len(running) < at_once:
            waiting -= 1
            running.append(
                subprocess.Popen([WELKIN, "up", plan, "-d"], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
            )
        done = running.pop(0)
        assert done.wait() == 0
    accepted = time.monotonic() - began
    while broker()["driven"]:
        time.sleep(0.1)
    over = time.monotonic() - began
    runs = json.loads(welkin("runs", "-o", "json"))["runs"]
    good = sum(run["state"] == "succeeded" for run in runs)
    assert good == count + 1, (good, len(runs))
    peak, each = memory(pid, "VmHWM"), (cpu(pid) - before) / count
    row(f"{count} `up -d` at once", f"accepted in {accepted:.1f} s, over in {over:.1f} s, {peak:.0f} MiB", "5 s, 100 MiB")
    row("the same, CPU of the broker a run", f"{each * 1000:.1f} ms", "10 ms")
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    for _ in range(20):
        welkin("status")
    now = resource.getrusage(resource.RUSAGE_CHILDREN)
    each = (now.ru_utime + now.ru_stime - used.ru_utime - used.ru_stime) / 20
    row("`welkin status`, whole process", f"{each * 1000:.1f} ms", "5 ms")
    began = time.monotonic()
    same = [
        subprocess.Popen([WELKIN, "up", plan, "-d", "--token", "same"], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL)
        for _ in range(100)
    ]
    names = {one.communicate()[0].split()[-1] for one in same}
    row("the same launch sent 100 times", f"{len(names)} run", "1 run")
    welkin("broker", "stop", "--yes")


def first_line(args):
    """Seconds until a command has written a line that has `here` in it, and until it is over."""
    began = time.monotonic()
    process = subprocess.Popen([WELKIN, *args], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True)
    first = None
    for line in process.stdout:
        if first is None and "here" in line:
            first = time.monotonic() - began
    assert process.wait() == 0 and first is not None
    return first, time.monotonic() - began


def clusters(count=1000, at_once=50):
    folder = home()
    order = os.path.join(folder, "order")
    began = time.monotonic()
    welkin("up", "-c", "dev", "--cpus", "4", "--on", "aws/us-east-1")
    made = time.monotonic() - began
    times = [first_line(["exec", "dev", "--", "echo", "here"]) for _ in range(30)]
    first, whole = (sorted(each)[len(times) // 2] * 1000 for each in zip(*times))
    row("`exec` on a warm cluster: first line; whole command", f"{first:.0f} ms; {whole:.0f} ms", "150 ms")
    row("a cluster made, emulated", f"{made * 1000:.0f} ms", "-")
    gate = os.path.join(folder, "gate")
    welkin("exec", "dev", "--cpus", "4", "-d", f"until [ -e {gate} ]; do sleep 0.05; done")
    pid, used, began = broker()["pid"], cpu(broker()["pid"]), time.monotonic()
    # One after the other, so that there is an order to keep.
    for number in range(count):
        welkin("exec", "dev", "--cpus", "4", "-d", f"echo {number} >> {order}")
    queued = time.monotonic() - began
    open(gate, "w").close()
    began = time.monotonic()
    while broker()["driven"] > 1:
        time.sleep(0.1)
    over = time.monotonic() - began
    kept = open(order).read().split() == [str(number) for number in range(count)]
    found = f"{'in order' if kept else 'NOT in order'}; queued in {queued:.1f} s, over in {over:.1f} s"
    row(f"{count} `exec` queued on a full cluster", found, "in order")
    row("the same, CPU of the broker a run", f"{(cpu(pid) - used) / count * 1000:.1f} ms", "5 ms")
    welkin("down", "dev")
    welkin("broker", "stop", "--yes")


def million(count=1_000_000):
    folder = home()
    job = os.path.join(folder, "job.yaml")
    open(job, "w").write(JOB)
    welkin("up", job)
    welkin("broker", "stop")
    while os.path.exists(socket_of(folder)):
        time.sleep(0.02)
    with sqlite3.connect(os.path.join(folder, "state/broker.sqlite3")) as db:
        db.execute(
            "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < ?) "
            "INSERT INTO run (id, name, plan, base_dir, state, submitted) "
            "SELECT printf('many-%07d', i), 'many', '{}', '/', 'succeeded', 1000 * i FROM n",
            (count,),
        )
    began = time.monotonic()
    process = subprocess.Popen([WELKIN, "broker", "run", "--detach"], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL)
    assert process.stdout.readline() == b"ready\n"
    opened = time.monotonic() - began
    times = []
    for _ in range(20):
        began = time.monotonic()
        status, body = ask(folder, "/v1/runs")
        times.append(time.monotonic() - began)
        assert status == 200
    page = json.loads(body)
    assert len(page["runs"]) == 100 and page["next"]
    _, second = ask(folder, f"/v1/runs?before={page['next']}")
    assert json.loads(second)["runs"][0]["id"] < page["runs"][-1]["id"]
    found = f"{statistics.median(times) * 1000:.1f} ms, {len(body) / 1000:.1f} kB; the broker began in {opened * 1000:.0f} ms"
    row("first page of 1,000,000 runs", found, "10 ms, 30 kB")
    welkin("broker", "stop")
    process.wait()


def watchers(folder, run, gate, count, lines):
    """Watches by a process that only takes the time; gives what it found, the broker's memory when all stood, and its CPU from
    then on."""
    process = subprocess.Popen(
        [WATCHERS, socket_of(folder), run, str(count), str(lines)], stdout=subprocess.PIPE, text=True
    )
    assert process.stdout.readline() == "standing\n"
    pid = broker()["pid"]
    rss, used = memory(pid, "VmRSS"), cpu(pid)
    open(gate, "w").close()
    found = json.loads(process.stdout.readline())
    process.wait()
    return found, rss, cpu(pid) - used


def thousand_watchers(count=1000, lines=20):
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (min(hard, 65536), hard))
    for number in (1, count):
        folder = home()
        job, gate = os.path.join(folder, "job.yaml"), os.path.join(folder, "gate")
        script = f"until [ -e {gate} ]; do sleep 0.05; done\n  for i in $(seq {lines}); do echo at $(date +%s.%N); sleep 0.2; done"
        open(job, "w").write(f"name: told\nresources: {{cpus: 1+}}\nrun: |\n  {script}\n")
        run = welkin("up", job, "-d").split()[-1]
        alone = memory(broker()["pid"], "VmRSS")
        found, rss, used = watchers(folder, run, gate, number, lines)
        each = (rss - alone) * 1024 / number
        what = f"line of a script → {number} watcher{'s' if number > 1 else ''}"
        times = f"median {found['median']:.0f} ms, p99 {found['p99']:.0f} ms"
        row(what, f"{times}; {each:.0f} kB a watcher; {used / lines * 1000:.0f} ms of CPU a line", "20 ms p99, 50 kB")
        welkin("cancel", "--all", "--yes")
        welkin("broker", "stop", "--yes")


def schemathesis():
    folder = home()
    job = os.path.join(folder, "job.yaml")
    open(job, "w").write(JOB)
    welkin("up", job)

    async def carry(reader, writer):
        try:
            while data := await reader.read(1 << 16):
                writer.write(data)
                await writer.drain()
        except ConnectionError:
            pass
        finally:
            writer.close()

    async def both(reader, writer):
        there = await asyncio.open_unix_connection(socket_of(folder))
        await asyncio.gather(carry(reader, there[1]), carry(there[0], writer))

    async def run():
        server = await asyncio.start_server(both, "127.0.0.1", 0)
        port = server.sockets[0].getsockname()[1]
        # A broker that is told to end ends, and streams have no end of their own.
        args = ["--config-file", "benches/schemathesis.toml", "run", "docs/openapi.json",
                "--url", f"http://127.0.0.1:{port}", "--exclude-path", "/v1/stop", "--exclude-path", "/v1/runs/{run}/events",
                "--max-examples", "50", "--request-timeout", "90", "--no-color"]
        done = await asyncio.create_subprocess_exec(os.path.join(VENV, "bin/st"), *args, stdout=subprocess.PIPE)
        out, _ = await done.communicate()
        text = out.decode()
        last = [line for line in text.splitlines() if "generated" in line or line.startswith("=")][-2:]
        row("schemathesis, negative data and stateful links", " ".join(part.strip("= ") for part in last), "0 failures")
        if done.returncode:
            print(text)

    asyncio.run(run())
    welkin("broker", "stop", "--yes")


print("| what | measured | asked |\n|---|---|---|")
stand_by()
thousand()
clusters()
million()
thousand_watchers()
if VENV:
    schemathesis()
