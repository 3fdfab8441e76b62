-- The role by which the services log in to PostgreSQL: it may read what they read, and nothing else.
-- For psql, as the owner of the tables or a superuser, in the database where they are; as often as you
-- like, and again when a table or a column of these is new. The overlay `home` runs it once, at
-- PostgreSQL's first start, when there are no tables yet (docs/deploy.md, "PostgreSQL").
--
-- The password is that of HSI_READER_PASSWORD in psql's environment; without one it stays what it is.
\set ON_ERROR_STOP on

DO $$
BEGIN
  IF NOT EXISTS (SELECT FROM pg_roles WHERE rolname = 'hsi_reader') THEN
    CREATE ROLE hsi_reader LOGIN;
  END IF;
END
$$;
ALTER ROLE hsi_reader NOSUPERUSER NOCREATEDB NOCREATEROLE NOREPLICATION NOBYPASSRLS;
ALTER ROLE hsi_reader SET default_transaction_read_only = on;

\getenv password HSI_READER_PASSWORD
\if :{?password}
  ALTER ROLE hsi_reader PASSWORD :'password';
\endif

-- How many connections are at work: whose they are and what they do, not what they hold.
GRANT pg_read_all_stats TO hsi_reader;

DO $$
DECLARE
  wanted record;
BEGIN
  FOR wanted IN
    SELECT * FROM (VALUES
      ('cameras', 'id, name, status, last_seen_at, deleted_at'),
      ('detections', 'detected_at'),
      ('events', 'id, batch_id, camera_id, risk_score, risk_level, summary, started_at, ended_at')
    ) AS needs (name, columns)
  LOOP
    IF to_regclass(wanted.name) IS NULL THEN
      RAISE NOTICE 'there is no table % yet: run this again when there is', wanted.name;
      CONTINUE;
    END IF;
    EXECUTE format('REVOKE ALL ON %I FROM hsi_reader', wanted.name);
    EXECUTE format('GRANT SELECT (%s) ON %I TO hsi_reader', wanted.columns, wanted.name);
  END LOOP;
  -- A table of cameras need not say where each of them is.
  IF EXISTS (
    SELECT FROM pg_attribute
    WHERE attrelid = to_regclass('cameras') AND attname = 'area' AND NOT attisdropped
  ) THEN
    GRANT SELECT (area) ON cameras TO hsi_reader;
  END IF;
END
$$;
