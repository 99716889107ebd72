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

-- tasks are the ordinals, four bytes each, that the claim still holds. idle: how many claims had
-- none before it had none; 0 while it has some.
CREATE TABLE claim (
	plan INTEGER, number INTEGER, id TEXT NOT NULL, worker TEXT NOT NULL, tasks BLOB NOT NULL, idle INTEGER NOT NULL,
	PRIMARY KEY (plan, number)
) STRICT, WITHOUT ROWID;
CREATE UNIQUE INDEX claim_id ON claim (plan, id);

-- list has count events, of which seq is the last, as JSON: arrays of at, ordinal, attempt, cause,
-- before, after, at_rest, detail. own: it has one, which is of the plan and not of a task.
CREATE TABLE event (
	plan INTEGER, seq INTEGER, count INTEGER NOT NULL, own INTEGER NOT NULL, list TEXT NOT NULL, PRIMARY KEY (plan, seq)
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

CREATE VIEW tasks AS
SELECT t.plan, t.ordinal, t.tenant,
	iif(t.state = 0 AND c.state IN (5, 6, 7, 8), 'CANCELLED',
		json_extract('["PENDING","RUNNING","PAUSED","COMPLETED","FAILED","SKIPPED","CANCELLED","ROLLING_BACK","ROLLED_BACK","ROLLBACK_FAILED"]', '$[' || t.state || ']')) AS state,
	t.attempt, cl.worker,
	json_extract(t.failure, '$.errorCode') || ': ' || json_extract(t.failure, '$.reason') AS failure,
	t.step, CAST(t.data AS TEXT) AS checkpoint,
	json_extract('["","PAUSE","CANCEL","EXEMPT","START"]', '$[' || t.request || ']') AS request,
	iif(t.waiting, strftime('%Y-%m-%dT%H:%M:%S', t.wait_until / 1000000, 'unixepoch') || printf('.%06dZ', t.wait_until % 1000000), NULL) AS waits_until,
	iif(t.started > 0, strftime('%Y-%m-%dT%H:%M:%S', t.started / 1000000, 'unixepoch') || printf('.%06dZ', t.started % 1000000), NULL) AS started,
	iif(t.updated > 0, strftime('%Y-%m-%dT%H:%M:%S', t.updated / 1000000, 'unixepoch') || printf('.%06dZ', t.updated % 1000000), NULL) AS updated,
	iif(t.ended > 0, strftime('%Y-%m-%dT%H:%M:%S', t.ended / 1000000, 'unixepoch') || printf('.%06dZ', t.ended % 1000000), NULL) AS ended,
	t.labels, t.parameters, t.token, t.version
FROM task AS t JOIN plan AS p ON p.id = t.plan AND p.stage = 1 JOIN control AS c ON c.plan = t.plan
	JOIN facts AS f ON f.plan = t.plan LEFT JOIN claim AS cl ON t.claim > 0 AND cl.plan = t.plan AND cl.number = t.claim
WHERE t.ordinal <= f.pending + f.running + f.paused + f.completed + f.failed + f.skipped + f.cancelled + f.rolling_back + f.rolled_back + f.rollback_failed;

CREATE VIEW events AS
SELECT e.plan, e.seq - e.count + 1 + j.key AS seq,
	strftime('%Y-%m-%dT%H:%M:%S', json_extract(j.value, '$[0]') / 1000000, 'unixepoch') || printf('.%06dZ', json_extract(j.value, '$[0]') % 1000000) AS at,
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
