-- The tables of cutover: docs/sqlite.md describes them. Instants are microseconds since 1970, 0 for
-- none; people read the views, which have words and ISO times.

CREATE TABLE meta (
	name TEXT PRIMARY KEY, value INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

-- stage: 0 being created, 1 complete, 2 being removed.
CREATE TABLE plan (
	id INTEGER PRIMARY KEY AUTOINCREMENT, stage INTEGER NOT NULL, key TEXT, mark TEXT NOT NULL, hash TEXT NOT NULL,
	ttl INTEGER NOT NULL, tenants INTEGER NOT NULL, stored INTEGER NOT NULL, created INTEGER NOT NULL, spec TEXT NOT NULL
) STRICT;
CREATE UNIQUE INDEX plan_key ON plan (key) WHERE key IS NOT NULL;

CREATE TABLE control (
	plan INTEGER PRIMARY KEY, version INTEGER NOT NULL, state INTEGER NOT NULL, changed INTEGER NOT NULL,
	commands INTEGER NOT NULL, grant_last INTEGER NOT NULL, grant_slots INTEGER NOT NULL, grant_failed INTEGER NOT NULL,
	grant_same INTEGER NOT NULL, grant_strict INTEGER NOT NULL, not_before INTEGER NOT NULL, not_after INTEGER NOT NULL,
	control TEXT NOT NULL
) STRICT;

CREATE TABLE facts (
	plan INTEGER PRIMARY KEY, pending INTEGER NOT NULL, running INTEGER NOT NULL, paused INTEGER NOT NULL,
	completed INTEGER NOT NULL, failed INTEGER NOT NULL, skipped INTEGER NOT NULL, cancelled INTEGER NOT NULL,
	rolling_back INTEGER NOT NULL, rolled_back INTEGER NOT NULL, rollback_failed INTEGER NOT NULL,
	held INTEGER NOT NULL, waiting INTEGER NOT NULL, starting INTEGER NOT NULL, exempt INTEGER NOT NULL,
	breached INTEGER NOT NULL, undos_exhausted INTEGER NOT NULL, wave_ended INTEGER NOT NULL,
	last_event INTEGER NOT NULL, trimmed INTEGER NOT NULL, token_floor INTEGER NOT NULL, releases INTEGER NOT NULL,
	claims INTEGER NOT NULL, first_pending INTEGER NOT NULL, undo_round INTEGER NOT NULL, undo_position INTEGER NOT NULL,
	appended INTEGER NOT NULL
) STRICT;

CREATE TABLE wave (
	plan INTEGER, number INTEGER, last INTEGER NOT NULL, max_failed INTEGER NOT NULL, acknowledged INTEGER NOT NULL,
	failed INTEGER NOT NULL, ended INTEGER NOT NULL, in_flight INTEGER NOT NULL, rollback_failed INTEGER NOT NULL,
	PRIMARY KEY (plan, number)
) STRICT, WITHOUT ROWID;

CREATE TABLE failure_group (
	plan INTEGER, code TEXT, step TEXT, failed INTEGER NOT NULL, acknowledged INTEGER NOT NULL,
	PRIMARY KEY (plan, code, step)
) STRICT, WITHOUT ROWID;

CREATE TABLE command (
	plan INTEGER, slot INTEGER, id TEXT NOT NULL, PRIMARY KEY (plan, slot)
) STRICT, WITHOUT ROWID;

-- Those beyond the plan's number of tasks are tenants of an addition under way.
CREATE TABLE task (
	plan INTEGER, ordinal INTEGER, state INTEGER NOT NULL, attempt INTEGER NOT NULL, claim INTEGER NOT NULL,
	released INTEGER NOT NULL, tenant TEXT NOT NULL, request INTEGER NOT NULL, paused_individually INTEGER NOT NULL,
	waiting INTEGER NOT NULL, losses INTEGER NOT NULL, version INTEGER NOT NULL, token INTEGER NOT NULL,
	last_token INTEGER NOT NULL, last_seq INTEGER NOT NULL, started INTEGER NOT NULL, updated INTEGER NOT NULL,
	ended INTEGER NOT NULL, elapsed_ms INTEGER NOT NULL, wait INTEGER NOT NULL, wait_until INTEGER NOT NULL,
	retried INTEGER NOT NULL, labels TEXT, parameters TEXT, step TEXT, failure TEXT, attempts TEXT, data BLOB, undo BLOB,
	PRIMARY KEY (plan, ordinal)
) STRICT, WITHOUT ROWID;

-- The tasks in flight without a worker, by the order in which they are claimed.
CREATE TABLE queue (
	plan INTEGER, queue INTEGER, due INTEGER, ordinal INTEGER, PRIMARY KEY (plan, queue, due, ordinal)
) STRICT, WITHOUT ROWID;

-- Sequential plans only: when holds ended. Of a task the greatest counts.
CREATE TABLE release (
	plan INTEGER, released INTEGER, ordinal INTEGER NOT NULL, PRIMARY KEY (plan, released)
) STRICT, WITHOUT ROWID;

-- tasks are the ordinals, four bytes each, that the claim holds, unless the table recent has it.
CREATE TABLE claim (
	plan INTEGER, number INTEGER, id TEXT NOT NULL, worker TEXT NOT NULL, tasks BLOB NOT NULL, PRIMARY KEY (plan, number)
) STRICT, WITHOUT ROWID;
CREATE UNIQUE INDEX claim_id ON claim (plan, id);

-- What the latest transactions have changed of tasks that workers hold, and of claims; the last row
-- that names a task counts. tasks is JSON: arrays of ordinal, claim, state, attempt, request,
-- paused_individually, released, losses, version, token, last_token, last_seq, started, updated,
-- ended, elapsed_ms, wait, wait_until, retried, where in data the checkpoint begins, how long it
-- and the undo log are, worker and step. An ordinal alone: the table task has all of it. claims has
-- numbers, ids, workers and ordinals, those without tasks as well.
CREATE TABLE recent (
	plan INTEGER, number INTEGER, tasks TEXT NOT NULL, claims BLOB, data BLOB, PRIMARY KEY (plan, number)
) STRICT, WITHOUT ROWID;

-- list has count events, of which seq is the last, as JSON: arrays of the microseconds since at,
-- ordinal, attempt, cause, before, after, at_rest, detail. own: it has one, which is of the plan and
-- not of a task.
CREATE TABLE event (
	plan INTEGER, seq INTEGER, count INTEGER NOT NULL, own INTEGER NOT NULL, at INTEGER NOT NULL, list TEXT NOT NULL,
	PRIMARY KEY (plan, seq)
) STRICT, WITHOUT ROWID;
CREATE INDEX event_plan ON event (plan, seq) WHERE own = 1;

CREATE TABLE cursor (
	plan INTEGER, name TEXT, owner TEXT NOT NULL, until INTEGER NOT NULL, seq INTEGER NOT NULL, PRIMARY KEY (plan, name)
) STRICT, WITHOUT ROWID;

CREATE TABLE tenant_lock (
	tenant TEXT PRIMARY KEY, plan INTEGER NOT NULL, ordinal INTEGER NOT NULL, start INTEGER NOT NULL, phase INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

-- The places that are taken in quotas.
CREATE TABLE place (
	label TEXT, value TEXT, plan INTEGER, ordinal INTEGER, start INTEGER NOT NULL, phase INTEGER NOT NULL,
	PRIMARY KEY (label, value, plan, ordinal)
) STRICT, WITHOUT ROWID;

CREATE TABLE subscription (
	name TEXT PRIMARY KEY, number INTEGER NOT NULL, newest INTEGER NOT NULL, ready INTEGER NOT NULL, status TEXT NOT NULL, dropped INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

CREATE TABLE unread (
	subscription TEXT, plan INTEGER, due INTEGER NOT NULL, PRIMARY KEY (subscription, plan)
) STRICT, WITHOUT ROWID;

CREATE TABLE dead_letter (
	subscription TEXT, id TEXT, number INTEGER NOT NULL, letter TEXT NOT NULL, PRIMARY KEY (subscription, id)
) STRICT, WITHOUT ROWID;

CREATE VIEW plans AS
SELECT p.id, json_extract(p.spec, '$.name') AS name,
	json_extract('["CREATED","RUNNING","PAUSED","FAILED","COMPLETED","CANCELLED","ROLLING_BACK","ROLLED_BACK","ROLLBACK_FAILED"]', '$[' || c.state || ']') AS state,
	iif(f.breached, 'yes', 'no') AS breached, c.version,
	f.pending + f.running + f.paused + f.completed + f.failed + f.skipped + f.cancelled + f.rolling_back + f.rolled_back + f.rollback_failed AS tasks,
	f.pending, f.running, f.paused, f.completed, f.failed, f.skipped, f.cancelled, f.rolling_back, f.rolled_back, f.rollback_failed,
	f.held, f.waiting, json_extract(c.control, '$.wave') AS wave,
	iif(p.created > 0, strftime('%Y-%m-%dT%H:%M:%S', p.created / 1000000, 'unixepoch') || printf('.%06dZ', p.created % 1000000), NULL) AS created,
	json_extract(c.control, '$.startedAt') AS started, json_extract(c.control, '$.endedAt') AS ended,
	json_extract(p.spec, '$.createdBy') AS created_by, p.key AS idempotency_key
FROM plan AS p JOIN control AS c ON c.plan = p.id JOIN facts AS f ON f.plan = p.id
WHERE p.stage = 1;

-- What the table recent has of tasks, instead of their rows.
CREATE VIEW held AS
SELECT plan, ordinal, json_extract(record, '$[2]') AS state, json_extract(record, '$[3]') AS attempt, json_extract(record, '$[4]') AS request,
	json_extract(record, '$[8]') AS version, json_extract(record, '$[9]') AS token,
	json_extract(record, '$[12]') AS started, json_extract(record, '$[13]') AS updated, json_extract(record, '$[14]') AS ended,
	json_extract(record, '$[22]') AS worker, nullif(json_extract(record, '$[23]'), '') AS step,
	iif(json_extract(record, '$[20]') > 0, substr(data, json_extract(record, '$[19]') + 1, json_extract(record, '$[20]')), NULL) AS data
FROM (
	SELECT r.plan AS plan, json_extract(j.value, '$[0]') AS ordinal, j.value AS record, r.data AS data, max(r.number)
	FROM recent AS r JOIN json_each(r.tasks) AS j GROUP BY 1, 2
) WHERE json_array_length(record) > 1;

CREATE VIEW tasks AS
SELECT plan, ordinal, tenant,
	iif(state = 0 AND cancels, 'CANCELLED',
		json_extract('["PENDING","RUNNING","PAUSED","COMPLETED","FAILED","SKIPPED","CANCELLED","ROLLING_BACK","ROLLED_BACK","ROLLBACK_FAILED"]', '$[' || state || ']')) AS state,
	attempt, worker, json_extract(failure, '$.errorCode') || ': ' || json_extract(failure, '$.reason') AS failure,
	step, CAST(data AS TEXT) AS checkpoint,
	json_extract('["","PAUSE","CANCEL","EXEMPT","START"]', '$[' || request || ']') AS request,
	iif(until > 0, strftime('%Y-%m-%dT%H:%M:%S', until / 1000000, 'unixepoch') || printf('.%06dZ', until % 1000000), NULL) AS waits_until,
	iif(started > 0, strftime('%Y-%m-%dT%H:%M:%S', started / 1000000, 'unixepoch') || printf('.%06dZ', started % 1000000), NULL) AS started,
	iif(updated > 0, strftime('%Y-%m-%dT%H:%M:%S', updated / 1000000, 'unixepoch') || printf('.%06dZ', updated % 1000000), NULL) AS updated,
	iif(ended > 0, strftime('%Y-%m-%dT%H:%M:%S', ended / 1000000, 'unixepoch') || printf('.%06dZ', ended % 1000000), NULL) AS ended,
	labels, parameters, token, version
FROM (
	SELECT t.plan, t.ordinal, t.tenant, c.state IN (5, 6, 7, 8) AS cancels, coalesce(h.state, t.state) AS state,
		coalesce(h.attempt, t.attempt) AS attempt, iif(h.plan IS NULL, cl.worker, h.worker) AS worker, iif(h.plan IS NULL, t.failure, NULL) AS failure,
		iif(h.plan IS NULL, t.step, h.step) AS step, iif(h.plan IS NULL, t.data, h.data) AS data, coalesce(h.request, t.request) AS request,
		iif(h.plan IS NULL AND t.waiting, t.wait_until, 0) AS until, coalesce(h.started, t.started) AS started,
		coalesce(h.updated, t.updated) AS updated, coalesce(h.ended, t.ended) AS ended,
		t.labels, t.parameters, coalesce(h.token, t.token) AS token, coalesce(h.version, t.version) AS version
	FROM task AS t JOIN plan AS p ON p.id = t.plan AND p.stage = 1 JOIN control AS c ON c.plan = t.plan
		JOIN facts AS f ON f.plan = t.plan LEFT JOIN claim AS cl ON t.claim > 0 AND cl.plan = t.plan AND cl.number = t.claim
		LEFT JOIN held AS h ON h.plan = t.plan AND h.ordinal = t.ordinal
	WHERE t.ordinal <= f.pending + f.running + f.paused + f.completed + f.failed + f.skipped + f.cancelled + f.rolling_back + f.rolled_back + f.rollback_failed
);

CREATE VIEW events AS
SELECT e.plan, e.seq - e.count + 1 + j.key AS seq,
	strftime('%Y-%m-%dT%H:%M:%S', (e.at + json_extract(j.value, '$[0]')) / 1000000, 'unixepoch') || printf('.%06dZ', (e.at + json_extract(j.value, '$[0]')) % 1000000) AS at,
	nullif(json_extract(j.value, '$[1]'), 0) AS ordinal, t.tenant, json_extract(j.value, '$[4]') AS before, json_extract(j.value, '$[5]') AS after,
	json_extract(j.value, '$[3]') AS cause, json_extract(j.value, '$[2]') AS attempt,
	json_extract(j.value, '$[7].actor') AS actor, json_extract(j.value, '$[7].reason') AS reason,
	json_extract(j.value, '$[7].failure.errorCode') || ': ' || json_extract(j.value, '$[7].failure.reason') AS failure,
	iif(json_extract(j.value, '$[6]'), 'yes', 'no') AS at_rest
FROM event AS e JOIN plan AS p ON p.id = e.plan AND p.stage = 1 JOIN json_each(e.list) AS j
	LEFT JOIN task AS t ON t.plan = e.plan AND t.ordinal = json_extract(j.value, '$[1]');

CREATE VIEW tenant_locks AS
SELECT tenant, plan, ordinal, start, phase FROM tenant_lock;

CREATE VIEW places AS
SELECT label, value, plan, ordinal, start, phase FROM place;
