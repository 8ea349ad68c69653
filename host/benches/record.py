"""Records what was measured: gathers the figures of `cargo bench` and the instruction counts of valgrind,
keeps them in docs/performance.json, and draws docs/performance.svg and the tables of docs/performance.md
from them. Nothing is typed by hand.

    cargo build --release
    cargo bench --bench call
    cargo bench --bench process [-- --reference CHECKOUT]
    cargo bench --bench ledger
    python3 host/benches/record.py
"""

import json
import os
import pathlib
import re
import subprocess
import tempfile

ROOT = pathlib.Path(__file__).resolve().parents[2]
TARGET = ROOT / "target"
DOCS = ROOT / "docs"
PROGRAM = TARGET / "release/elks-mcp"
TOOLS = ["send_sms", "get_sms_messages", "check_sms_status", "estimate_sms_cost", "check_account_balance",
         "get_delivery_statistics"]
STEPS = ["load the component", "instance", "egress and simulator", "rate limit", "JSON in", "audit record", "check of a send",
         "check of 100 messages", "history of 100 messages"]


def median_us(*name):
    """A median of criterion's, in microseconds."""
    path = TARGET.joinpath("criterion", *name, "new/estimates.json")
    return round(json.loads(path.read_text())["median"]["point_estimate"] / 1000, 3)


def instructions(calls):
    """How many instructions a session with so many calls takes."""
    lines = [{"id": 0, "method": "initialize", "params": {
        "protocolVersion": "2025-06-18", "capabilities": {}, "clientInfo": {"name": "record", "version": "1"}}},
        {"method": "notifications/initialized"}]
    arguments = {"to": "+46701740605", "message": "Hej! Kom ihåg din tid."}
    lines += [{"id": number + 1, "method": "tools/call", "params": {"name": "estimate_sms_cost", "arguments": arguments}}
              for number in range(calls)]
    session = "".join(json.dumps({"jsonrpc": "2.0", **line}) + "\n" for line in lines)
    with tempfile.TemporaryDirectory() as work:
        command = ["valgrind", "--tool=callgrind", f"--callgrind-out-file={work}/out", str(PROGRAM), "--simulate"]
        env = dict(os.environ, RATE_LIMIT_QUERIES_PER_MINUTE="1000")
        done = subprocess.run(command, input=session, text=True, capture_output=True, env=env, check=True, timeout=600)
    assert done.stdout.count('"isError":false') == calls, done.stderr
    return int(re.search(r"refs:\s+([\d,]+)", done.stderr)[1].replace(",", ""))


def gather():
    with tempfile.TemporaryDirectory() as work:
        component = pathlib.Path(work) / "elks-sms.wasm"
        subprocess.run([PROGRAM, "component", "--output", component], check=True, capture_output=True)
        component_bytes = component.stat().st_size
    few, many = instructions(10), instructions(110)
    return {
        "sizes": {"program": PROGRAM.stat().st_size, "component": component_bytes},
        "steps_us": {step: median_us(step) for step in STEPS},
        "tools_us": {tool: {way: median_us(tool, way) for way in ["native", "sandbox", "whole call"]} for tool in TOOLS},
        "instructions": {"a session with 10 calls": few, "one more call": (many - few) // 100},
        "process": processes(),
        "ledger": json.loads((TARGET / "ledger.json").read_text()),
    }


def processes():
    """The servers measured now. One that is not at hand, such as the Node server, keeps its earlier figures."""
    measured = json.loads((TARGET / "process.json").read_text())
    recorded = json.loads((DOCS / "performance.json").read_text())["process"]
    names = {server["who"] for server in measured}
    return measured + [dict(server, earlier=True) for server in recorded if server["who"] not in names]


def tables(figures):
    servers = [server for server in figures["process"] if "call_p50_ms" in server]
    floor = next(server for server in figures["process"] if "call_p50_ms" not in server)
    rows = ["| | start | call p50 | call p99 | calls/s, 1 at a time | 4 | 16 | resident after 8,200 calls | 10,000 |",
            "| --- | --- | --- | --- | --- | --- | --- | --- | --- |",
            f"| {floor['who']} | {floor['start_ms']:.1f} ms | | | | | | | |"]
    for it in servers:
        rates, held = it["calls_a_second"], it["resident_mb"]
        who = it["who"] + (" (an earlier run)" if it.get("earlier") else "")
        rows.append(f"| {who} | {it['start_ms']:.1f} ms | {it['call_p50_ms']:.2f} ms | {it['call_p99_ms']:.2f} ms | "
                    f"{rates['1']:,.0f} | {rates['4']:,.0f} | {rates['16']:,.0f} | "
                    f"{held['8200 calls']:.1f} MB | {held['10000 calls']:.1f} MB |")
    rows += ["", "| tool | native | through the sandbox | difference | whole call |", "| --- | --- | --- | --- | --- |"]
    for tool, it in figures["tools_us"].items():
        rows.append(f"| `{tool}` | {it['native']:.0f} µs | {it['sandbox']:.0f} µs | {it['sandbox'] - it['native']:.0f} µs | "
                    f"{it['whole call']:.0f} µs |")
    rows += ["", "| step | median |", "| --- | --- |"]
    rows += [f"| {step} | {us:,.1f} µs |" for step, us in figures["steps_us"].items()]
    ledger = figures["ledger"]
    ways = {"in memory (`ELKS_STATE=memory`)": ledger["send_ms"]["memory"], "with the journal": ledger["send_ms"]["journal"],
            "with the journal, four processes at once": ledger["four_processes"]}
    rows += ["", "| a real send, whole program, 46elks over TLS | median | p99 | median, times in memory |",
             "| --- | --- | --- | --- |"]
    rows += [f"| {way} | {it['p50']:.2f} ms | {it['p99']:.2f} ms | {it['p50'] / ledger['send_ms']['memory']['p50']:.2f} |"
             for way, it in ways.items()]
    rows += ["", "| the journal | |", "| --- | --- |",
             f"| longest of {1000:,} sends of four processes | {ledger['four_processes']['longest']:.0f} ms |"]
    rows += [f"| first reading of {int(events):,} events | {took:.0f} ms |" for events, took in ledger["read_ms"].items()]
    rows += [f"| start to the handshake, {what} | {took:.1f} ms |" for what, took in ledger["start_ms"].items()]
    rows += [f"| resident after {what} | {held:.1f} MB |" for what, held in ledger["resident_mb"]["after"].items()]
    rows += ["", "| size or count | |", "| --- | --- |",
             f"| program, stripped | {figures['sizes']['program'] / 1e6:.1f} MB |",
             f"| component | {(figures['sizes']['component'] + 500) // 1000} KB |"]
    rows += [f"| instructions of {what} | {count:,} |" for what, count in figures["instructions"].items()]
    return "\n".join(rows)


def chart(figures):
    """Bars for each tool: what the rules cost natively, and what the sandbox and the egress add."""
    left, bar, gap, scale = 190, 22, 14, 3.2
    height = len(TOOLS) * (bar + gap) + 70
    parts = [f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 720 {height}" font-family="sans-serif" font-size="13">',
             '<rect width="100%" height="100%" fill="white"/>',
             '<text x="10" y="22" font-size="15">A call before the simulator, median in µs</text>']
    for row, (tool, it) in enumerate(figures["tools_us"].items()):
        y = 40 + row * (bar + gap)
        native, sandbox = it["native"], it["sandbox"]
        parts += [f'<text x="{left - 8}" y="{y + 16}" text-anchor="end">{tool}</text>',
                  f'<rect x="{left}" y="{y}" width="{native * scale:.1f}" height="{bar}" fill="#4a7"/>',
                  f'<rect x="{left + native * scale:.1f}" y="{y}" width="{(sandbox - native) * scale:.1f}" height="{bar}" fill="#47a"/>',
                  f'<text x="{left + sandbox * scale + 6:.1f}" y="{y + 16}">{sandbox:.0f}</text>']
    y = height - 14
    parts += [f'<rect x="{left}" y="{y - 11}" width="12" height="12" fill="#4a7"/><text x="{left + 18}" y="{y}">the rules, natively</text>',
              f'<rect x="{left + 160}" y="{y - 11}" width="12" height="12" fill="#47a"/>'
              f'<text x="{left + 178}" y="{y}">instance, crossing, permit and egress</text>', "</svg>"]
    return "\n".join(parts) + "\n"


def main():
    figures = gather()
    (DOCS / "performance.json").write_text(json.dumps(figures, indent=2, sort_keys=True) + "\n")
    (DOCS / "performance.svg").write_text(chart(figures))
    page = DOCS / "performance.md"
    begin, end = "<!-- figures -->", "<!-- end of figures -->"
    before, rest = page.read_text().split(begin)
    page.write_text(f"{before}{begin}\n\n{tables(figures)}\n\n{end}{rest.split(end)[1]}")


if __name__ == "__main__":
    main()
