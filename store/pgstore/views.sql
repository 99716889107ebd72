-- What people read, with words and times: docs/postgres.md describes them. These statements can be
-- repeated, so that an upgrade of the tables makes them anew.

-- PostgreSQL has no text with a zero byte, and takes none out of JSON: the views have U+FFFD for it.
CREATE OR REPLACE VIEW @.plans AS
SELECT p.id, j.spec ->> 'name' AS name,
	('{CREATED,RUNNING,PAUSED,FAILED,COMPLETED,CANCELLED,ROLLING_BACK,ROLLED_BACK,ROLLBACK_FAILED}'::text[])[c.state + 1] AS state,
	f.breached, c.version,
	f.pending + f.running + f.paused + f.completed + f.failed + f.skipped + f.cancelled + f.rolling_back + f.rolled_back + f.rollback_failed AS tasks,
	f.pending, f.running, f.paused, f.completed, f.failed, f.skipped, f.cancelled, f.rolling_back, f.rolled_back, f.rollback_failed,
	f.held, f.waiting, j.control ->> 'wave' AS wave, to_timestamp(nullif(p.created, 0) / 1000000.0) AS created,
	j.control ->> 'startedAt' AS started, j.control ->> 'endedAt' AS ended,
	j.spec ->> 'createdBy' AS created_by, p.key AS idempotency_key
FROM @.plan AS p JOIN @.control AS c ON c.plan = p.id JOIN @.facts AS f ON f.plan = p.id, LATERAL (
	SELECT regexp_replace(p.spec, '(?<!\\)((?:\\\\)*)\\u0000', '\1\\ufffd', 'g')::json AS spec,
		regexp_replace(c.control, '(?<!\\)((?:\\\\)*)\\u0000', '\1\\ufffd', 'g')::json AS control
) AS j
WHERE p.stage = 1;

CREATE OR REPLACE VIEW @.tasks AS
SELECT t.plan, t.ordinal, t.tenant,
	CASE WHEN t.state = 0 AND c.state IN (5, 6, 7, 8) THEN 'CANCELLED' ELSE
		('{PENDING,RUNNING,PAUSED,COMPLETED,FAILED,SKIPPED,CANCELLED,ROLLING_BACK,ROLLED_BACK,ROLLBACK_FAILED}'::text[])[t.state + 1] END AS state,
	t.attempt, cl.worker, (j.failure ->> 'errorCode') || ': ' || (j.failure ->> 'reason') AS failure,
	t.step, encode(t.data, 'escape') AS checkpoint, ('{"",PAUSE,CANCEL,EXEMPT,START}'::text[])[t.request + 1] AS request,
	CASE WHEN t.waiting THEN to_timestamp(t.wait_until / 1000000.0) END AS waits_until,
	to_timestamp(nullif(t.started, 0) / 1000000.0) AS started, to_timestamp(nullif(t.updated, 0) / 1000000.0) AS updated,
	to_timestamp(nullif(t.ended, 0) / 1000000.0) AS ended, t.labels, t.parameters, t.token, t.version
FROM @.task AS t JOIN @.plan AS p ON p.id = t.plan AND p.stage = 1 JOIN @.control AS c ON c.plan = t.plan
	JOIN @.facts AS f ON f.plan = t.plan LEFT JOIN @.claim AS cl ON t.claim > 0 AND cl.plan = t.plan AND cl.number = t.claim,
	LATERAL (SELECT regexp_replace(t.failure, '(?<!\\)((?:\\\\)*)\\u0000', '\1\\ufffd', 'g')::json AS failure) AS j
WHERE t.ordinal <= f.pending + f.running + f.paused + f.completed + f.failed + f.skipped + f.cancelled + f.rolling_back + f.rolled_back + f.rollback_failed;

CREATE OR REPLACE VIEW @.events AS
SELECT e.plan, e.seq, to_timestamp(e.at / 1000000.0) AS at, nullif(e.ordinal, 0) AS ordinal, t.tenant, e.before, e.after, e.cause, e.attempt,
	j.detail ->> 'actor' AS actor, j.detail ->> 'reason' AS reason,
	(j.detail #>> '{failure,errorCode}') || ': ' || (j.detail #>> '{failure,reason}') AS failure, e.at_rest
FROM @.event AS e JOIN @.plan AS p ON p.id = e.plan AND p.stage = 1 LEFT JOIN @.task AS t ON t.plan = e.plan AND t.ordinal = e.ordinal,
	LATERAL (SELECT regexp_replace(e.detail, '(?<!\\)((?:\\\\)*)\\u0000', '\1\\ufffd', 'g')::json AS detail) AS j;
