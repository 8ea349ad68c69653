"""Records what was measured: gathers the figures of `cargo bench` and the instruction counts of docs/figures.json,
keeps them in docs/performance.json, and draws docs/performance.svg, docs/sandbox.svg and the tables of
docs/performance.md from them. Nothing is typed by hand.

    cargo build --release
    cargo bench --bench call
    cargo bench --bench process [-- [--reference CHECKOUT] [--before PROGRAM] [--program PROGRAM]]
    cargo bench --bench ledger --features elks-mcp/postgres
    python3 host/benches/record.py [--ledger]

With --ledger only the figures of the ledger and the instruction counts are new; the others stay as they were recorded.
"""

import json
import pathlib
import subprocess
import sys
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


def gather():
    with tempfile.TemporaryDirectory() as work:
        component = pathlib.Path(work) / "elks-sms.wasm"
        subprocess.run([PROGRAM, "component", "--output", component], check=True, capture_output=True)
        component_bytes = component.stat().st_size
    return {
        "sizes": {"program": PROGRAM.stat().st_size, "component": component_bytes},
        "steps_us": {step: median_us(step) for step in STEPS},
        "tools_us": {tool: {way: median_us(tool, way) for way in ["native", "sandbox", "whole call"]} for tool in TOOLS},
        "instructions": instructions(),
        "process": processes(),
        "ledger": ledger(),
    }


def instructions():
    return json.loads((DOCS / "figures.json").read_text())["instructions"]


def ledger():
    return json.loads((TARGET / "ledger.json").read_text())


OURS, NODE, BEFORE = (who + ", 46elks over TLS" for who in ["elks-mcp", "the Node server", "elks-mcp before"])


def processes():
    """The servers measured now. The Node server keeps its earlier figures when it is not at hand."""
    measured = json.loads((TARGET / "process.json").read_text())
    recorded = json.loads((DOCS / "performance.json").read_text())["process"]
    names = {server["who"] for server in measured}
    return measured + [dict(server, earlier=True) for server in recorded if server["who"] == NODE and NODE not in names]


def server(figures, who):
    """The figures of a server; empty when it was never measured."""
    return next((server for server in figures["process"] if server["who"] == who), {})


def by_name(figures, who, name, key):
    """A list of a server's figures, by the name of each."""
    return {figure[name]: figure for figure in server(figures, who).get(key, [])}


def cell(value, form):
    return "" if value is None else form.format(value)


def named(it):
    return it["who"] + (" (an earlier run)" if it.get("earlier") else "")


def server_rows(figures):
    """Start, calls at the same time, and memory."""
    rows = ["| | start | first answer | calls/s, 1 in flight | 4 | 16 | resident after 8,200 calls | 10,000 |",
            "| --- | --- | --- | --- | --- | --- | --- | --- |"]
    for it in figures["process"]:
        flight, held = it.get("ms_a_call_in_flight", {}), it.get("resident_mb", {})
        rates = [cell(flight.get(n) and 1000 / flight[n], "{:,.0f}") for n in ["1", "4", "16"]]
        sizes = [cell(held.get(n), "{:.1f} MB") for n in ["8200 calls", "10000 calls"]]
        first = cell(it.get("first_answer_ms"), "{:.1f} ms")
        rows.append(f"| {named(it)} | {it['start_ms']:.1f} ms | {first} | {' | '.join(rates + sizes)} |")
    return rows


def case_rows(figures):
    """Each call beside the same call of the Node server."""
    ours, node = (by_name(figures, who, "case", "cases") for who in [OURS, NODE])
    mark = " (an earlier run)" if server(figures, NODE).get("earlier") else ""
    rows = ["", f"| call | elks-mcp, p50 | p10 | the Node server{mark}, p50 | p10 | elks-mcp, times Node | stand-in, HTTP/2 | "
            "stand-in, HTTP/1.1 |", "| --- | --- | --- | --- | --- | --- | --- | --- |"]
    for name, it in ours.items():
        other = node.get(name, {})
        row = [cell(of.get(key), "{:.2f} ms") for of in [it, other] for key in ["p50_ms", "p10_ms"]]
        row += [cell(other.get("elks_mcp_times_it"), "{:.2f}")]
        row += [cell(of.get("stand_in_p50_ms"), "{:.2f} ms") for of in [it, other]]
        rows.append(f"| {name} | {' | '.join(row)} |")
    return rows


def before_rows(figures):
    """Each call beside the same call of an older build, if one was measured."""
    ours, before = (by_name(figures, who, "case", "cases") for who in [OURS, BEFORE])
    if not before:
        return []
    rows = ["", "| call | before, p50 | p10 | now, p50 | p10 | now, times before |", "| --- | --- | --- | --- | --- | --- |"]
    for name, it in before.items():
        row = [f"{of[key]:.2f} ms" for of in [it, ours[name]] for key in ["p50_ms", "p10_ms"]]
        rows.append(f"| {name} | {' | '.join(row)} | {it['elks_mcp_times_it']:.2f} |")
    return rows


def message_rows(figures):
    """What each message of a long history takes. A program may give a part of it, and say where to read on."""
    rows = ["", "| history | server | messages in the result | per message |", "| --- | --- | --- | --- |"]
    for name in [name for name in by_name(figures, OURS, "case", "cases") if "100 messages" in name]:
        for who in [OURS, BEFORE, NODE]:
            it = by_name(figures, who, "case", "cases").get(name, {})
            if "messages" in it:
                rows.append(f"| {name} | {named(server(figures, who))} | {it['messages']} | {it['us_a_message']:,.0f} µs |")
    return rows


def token_rows(figures):
    """Bytes by four, which estimates tokens."""
    ours, before, node = (by_name(figures, who, "what", "bytes") for who in [OURS, BEFORE, NODE])
    mark = " (an earlier run)" if server(figures, NODE).get("earlier") else ""
    columns = [("elks-mcp", ours), ("before", before), (f"the Node server{mark}", node)]
    columns = [(title, figures) for title, figures in columns if figures]
    rows = ["", "| estimated tokens (bytes / 4) | " + " | ".join(title for title, _ in columns) + " |",
            "| --- |" + " --- |" * len(columns)]
    for what in ours:
        row = [cell(figures.get(what) and figures[what]["bytes"] / 4, "{:,.0f}") for _, figures in columns]
        rows.append(f"| {what} | {' | '.join(row)} |")
    return rows


def tables(figures):
    rows = server_rows(figures) + case_rows(figures) + before_rows(figures) + message_rows(figures)
    rows += ["", "![Time by number of messages and by calls in flight](performance.svg)"] + token_rows(figures)
    rows += ["", "| tool | native | through the sandbox | difference | whole call |", "| --- | --- | --- | --- | --- |"]
    for tool in TOOLS:
        it = figures["tools_us"][tool]
        rows.append(f"| `{tool}` | {it['native']:.0f} µs | {it['sandbox']:.0f} µs | {it['sandbox'] - it['native']:.0f} µs | "
                    f"{it['whole call']:.0f} µs |")
    rows += ["", "| step | median |", "| --- | --- |"]
    rows += [f"| {step} | {figures['steps_us'][step]:,.1f} µs |" for step in STEPS]
    ledger = figures["ledger"]
    ways = {"in memory (`ELKS_STATE=memory`)": ledger["send_ms"]["memory"], "with the journal": ledger["send_ms"]["journal"],
            "with the journal in PostgreSQL, TLS on loopback": ledger["send_ms"]["postgres"],
            "with the journal, four processes at once": ledger["four_processes"],
            "with PostgreSQL, four processes at once": ledger["four_processes_postgres"]}
    rows += ["", "| a real send, whole program, 46elks over TLS | median | p99 | median, times in memory |",
             "| --- | --- | --- | --- |"]
    rows += [f"| {way} | {it['p50']:.2f} ms | {it['p99']:.2f} ms | {it['p50'] / ledger['send_ms']['memory']['p50']:.2f} |"
             for way, it in ways.items()]
    rows += ["", "| the journal | |", "| --- | --- |",
             f"| longest of {1000:,} sends of four processes | {ledger['four_processes']['longest']:.0f} ms |"]
    rows += [f"| first reading of {int(events):,} events | {took:.0f} ms |" for events, took in ledger["read_ms"].items()]
    rows += [f"| first reading of {int(events):,} events from PostgreSQL | {took:.0f} ms |"
             for events, took in ledger["read_postgres_ms"].items()]
    rows += [f"| start to the handshake, {what} | {took:.1f} ms |" for what, took in ledger["start_ms"].items()]
    rows += [f"| resident after {what} | {held:.1f} MB |" for what, held in ledger["resident_mb"]["after"].items()]
    rows += ["", "| size or count | |", "| --- | --- |",
             f"| program, stripped | {figures['sizes']['program'] / 1e6:.1f} MB |",
             f"| component | {(figures['sizes']['component'] + 500) // 1000} KB |"]
    rows += [f"| instructions, `{what}` | {count:,} |" for what, count in figures["instructions"].items()]
    rows += ["", "![A call with the simulator](sandbox.svg)"]
    return "\n".join(rows)


def bars(x, title, unit, axis, groups, servers):
    """A panel of bars: for each group one bar of each server."""
    base, height, width, wide = 300, 210, 330, 26
    values = [value for _, group in groups for value in group]
    top = max(values)
    step = next(step for step in [0.1, 0.2, 0.5, 1, 2, 5, 10, 20, 50] if top / step <= 6)
    scale = height / (step * -(-top // step))
    parts = [f'<text x="{x + 10}" y="24" font-size="15">{title}</text>',
             f'<text x="{x + 10}" y="46">{unit}</text>']
    for line in range(round(height / scale / step) + 1):
        y = base - line * step * scale
        parts += [f'<line x1="{x + 40}" y1="{y:.1f}" x2="{x + width}" y2="{y:.1f}" stroke="#ccc"/>',
                  f'<text x="{x + 34}" y="{y + 4:.1f}" text-anchor="end" font-size="12">{line * step:g}</text>']
    space = (width - 40) / len(groups)
    for at, (name, group) in enumerate(groups):
        middle = x + 40 + space * (at + 0.5)
        parts.append(f'<text x="{middle:.1f}" y="{base + 18}" text-anchor="middle">{name}</text>')
        for number, value in enumerate(group):
            left = middle + (number - len(group) / 2) * (wide + 8) + 4
            parts += [f'<rect x="{left:.1f}" y="{base - value * scale:.1f}" width="{wide}" height="{value * scale:.1f}" '
                      f'fill="{COLOURS[servers[number]]}"/>',
                      f'<text x="{left + wide / 2:.1f}" y="{base - value * scale - 4:.1f}" text-anchor="middle" '
                      f'font-size="11">{value:.2f}</text>']
    parts.append(f'<text x="{x + 40 + (width - 40) / 2}" y="{base + 40}" text-anchor="middle">{axis}</text>')
    return parts


COLOURS = {OURS: "#47a", NODE: "#999"}


def servers_chart(figures):
    """Two panels: the time of a call by the number of messages, and by the number of calls in flight."""
    servers = [who for who in COLOURS if server(figures, who).get("cases")]
    cases = [by_name(figures, who, "case", "cases") for who in servers]
    histories = [(str(count), [of[f"`get_sms_messages`, {count} message{'s' * (count > 1)}"]["p50_ms"] for of in cases])
                 for count in [1, 10, 100]]
    flights = [(n, [server(figures, who)["ms_a_call_in_flight"][n] for who in servers]) for n in ["1", "4", "16"]]
    parts = ['<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 720 380" font-family="sans-serif" font-size="13">',
             '<rect width="100%" height="100%" fill="white"/>']
    parts += bars(0, "A history, by its length", "median time of a call, in ms", "messages in the history", histories, servers)
    parts += bars(370, "An estimate, by calls in flight", "whole time, divided by the number of calls, in ms",
                  "calls in flight", flights, servers)
    for at, who in enumerate(servers):
        label = who.split(",")[0] + (" (an earlier run)" if server(figures, who).get("earlier") else "")
        parts.append(f'<rect x="{40 + 180 * at}" y="356" width="12" height="12" fill="{COLOURS[who]}"/>'
                     f'<text x="{58 + 180 * at}" y="367">{label}</text>')
    return "\n".join(parts + ["</svg>"]) + "\n"


def chart(figures):
    """Bars for each tool: what the rules cost natively, and what the sandbox and the egress add."""
    left, bar, gap, scale = 190, 22, 14, 3.2
    height = len(TOOLS) * (bar + gap) + 70
    parts = [f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 720 {height}" font-family="sans-serif" font-size="13">',
             '<rect width="100%" height="100%" fill="white"/>',
             '<text x="10" y="22" font-size="15">A call before the simulator, median in µs</text>']
    for row, tool in enumerate(TOOLS):
        it = figures["tools_us"][tool]
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
    if sys.argv[1:] == ["--ledger"]:
        figures = dict(json.loads((DOCS / "performance.json").read_text()), ledger=ledger(), instructions=instructions())
    else:
        figures = gather()
    (DOCS / "performance.json").write_text(json.dumps(figures, indent=2, sort_keys=True) + "\n")
    (DOCS / "performance.svg").write_text(servers_chart(figures))
    (DOCS / "sandbox.svg").write_text(chart(figures))
    page = DOCS / "performance.md"
    begin, end = "<!-- figures -->", "<!-- end of figures -->"
    before, rest = page.read_text().split(begin)
    page.write_text(f"{before}{begin}\n\n{tables(figures)}\n\n{end}{rest.split(end)[1]}")


if __name__ == "__main__":
    main()
