-- The ledger of sends in PostgreSQL: version 1. `elks-mcp ledger init` runs this as the owner of the database.
--
-- A row is a line of a journal, with the bytes and the head that it would have in a file. Nobody changes a row: the
-- roles that elks-mcp runs with can read and append, and the trigger lets only the next event of an account in.

CREATE SCHEMA elks_mcp;

CREATE TABLE elks_mcp.schema_version (
  version integer PRIMARY KEY,
  made_at timestamptz NOT NULL DEFAULT clock_timestamp()
);

CREATE TABLE elks_mcp.events (
  account text NOT NULL CHECK (account ~ '^[0-9a-f]{16}$'),
  seq bigint NOT NULL CHECK (seq > 0),
  line text NOT NULL CHECK (octet_length(line) < 4096),
  -- Evidence that no role of elks-mcp can write: when the server took the row, and from whom.
  recorded_at timestamptz NOT NULL DEFAULT clock_timestamp(),
  recorded_by text NOT NULL DEFAULT session_user,
  PRIMARY KEY (account, seq)
);

-- A line ends in ,"prev":"64 digits","head":"64 digits"}. The head is the SHA-256 of the head before it and of the
-- line up to its own head.
CREATE FUNCTION elks_mcp.refuse_what_does_not_follow() RETURNS trigger
  LANGUAGE plpgsql
  SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
  body text := left(NEW.line, -75);
  prev text := left(right(NEW.line, 140), 64);
  head text := left(right(NEW.line, 66), 64);
  last_seq bigint := 0;
  last_head text := repeat('0', 64);
BEGIN
  IF NEW.line !~ '^\{"v":1,"seq":[0-9]+,.*,"prev":"[0-9a-f]{64}","head":"[0-9a-f]{64}"\}$'
    OR NEW.line ~ '[[:cntrl:]]' THEN
    RAISE EXCEPTION 'this is no line of a journal' USING ERRCODE = 'integrity_constraint_violation';
  END IF;
  SELECT seq, left(right(line, 66), 64) INTO last_seq, last_head
    FROM elks_mcp.events WHERE account = NEW.account ORDER BY seq DESC LIMIT 1;
  IF NOT FOUND THEN
    last_seq := 0;
    last_head := repeat('0', 64);
  END IF;
  IF NEW.seq <> last_seq + 1 OR prev <> last_head OR NOT starts_with(NEW.line, '{"v":1,"seq":' || NEW.seq || ',') THEN
    RAISE EXCEPTION 'this event is not the next one' USING ERRCODE = 'unique_violation';
  END IF;
  IF head <> encode(
    sha256(convert_to(E'elks-mcp journal 1\n', 'UTF8') || decode(prev, 'hex') || convert_to(body, 'UTF8')), 'hex')
  THEN
    RAISE EXCEPTION 'the head of this event is wrong' USING ERRCODE = 'integrity_constraint_violation';
  END IF;
  RETURN NEW;
END
$$;

CREATE TRIGGER refuse_what_does_not_follow BEFORE INSERT ON elks_mcp.events
  FOR EACH ROW EXECUTE FUNCTION elks_mcp.refuse_what_does_not_follow();

REVOKE ALL ON SCHEMA elks_mcp FROM PUBLIC;
REVOKE ALL ON ALL TABLES IN SCHEMA elks_mcp FROM PUBLIC;
REVOKE ALL ON FUNCTION elks_mcp.refuse_what_does_not_follow() FROM PUBLIC;

INSERT INTO elks_mcp.schema_version (version) VALUES (1);
