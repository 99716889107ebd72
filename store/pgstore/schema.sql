-- The tables of cutover: docs/postgres.md describes them. Instants are microseconds since 1970, 0 for
-- none; people read the views of views.sql. "@." stands for the schema.

CREATE TABLE @.meta (
	name text PRIMARY KEY, value bigint NOT NULL
);

CREATE SEQUENCE @.plan_id;
CREATE SEQUENCE @.stamp;
CREATE SEQUENCE @.subscription_number;

-- stage: 0 being created, 1 complete, 2 being removed.
CREATE TABLE @.plan (
	id bigint PRIMARY KEY, stage smallint NOT NULL, key text, mark text NOT NULL, hash text NOT NULL,
	ttl bigint NOT NULL, tenants integer NOT NULL, stored integer NOT NULL, created bigint NOT NULL, spec text NOT NULL
);
CREATE UNIQUE INDEX plan_key ON @.plan (key) WHERE key IS NOT NULL;

CREATE TABLE @.control (
	plan bigint PRIMARY KEY, version bigint NOT NULL, state smallint NOT NULL, changed bigint NOT NULL,
	commands integer NOT NULL, grant_last integer NOT NULL, grant_slots integer NOT NULL, grant_failed integer NOT NULL,
	grant_same integer NOT NULL, grant_strict boolean NOT NULL, not_before bigint NOT NULL, not_after bigint NOT NULL,
	control text NOT NULL
) WITH (fillfactor = 50);

-- Every commit and every command locks the row of its plan first. revision: drawn anew by each that
-- changes anything of the plan.
CREATE TABLE @.facts (
	plan bigint PRIMARY KEY, pending integer NOT NULL, running integer NOT NULL, paused integer NOT NULL,
	completed integer NOT NULL, failed integer NOT NULL, skipped integer NOT NULL, cancelled integer NOT NULL,
	rolling_back integer NOT NULL, rolled_back integer NOT NULL, rollback_failed integer NOT NULL,
	held integer NOT NULL, waiting integer NOT NULL, starting integer NOT NULL, exempt integer NOT NULL,
	breached boolean NOT NULL, undos_exhausted boolean NOT NULL, wave_ended bigint NOT NULL,
	last_event bigint NOT NULL, trimmed bigint NOT NULL, token_floor bigint NOT NULL, releases bigint NOT NULL,
	claims bigint NOT NULL, first_pending bigint NOT NULL, undo_round integer NOT NULL, undo_position bigint NOT NULL,
	stored integer NOT NULL, revision bigint NOT NULL
) WITH (fillfactor = 10);

CREATE TABLE @.wave (
	plan bigint, number integer, last integer NOT NULL, max_failed integer NOT NULL, acknowledged integer NOT NULL,
	failed integer NOT NULL, ended integer NOT NULL, in_flight integer NOT NULL, rollback_failed integer NOT NULL,
	PRIMARY KEY (plan, number)
) WITH (fillfactor = 30);

CREATE TABLE @.failure_group (
	plan bigint, code text, step text, failed integer NOT NULL, acknowledged integer NOT NULL,
	PRIMARY KEY (plan, code, step)
) WITH (fillfactor = 50);

CREATE TABLE @.command (
	plan bigint, slot integer, id text NOT NULL, PRIMARY KEY (plan, slot)
) WITH (fillfactor = 50);

-- Those beyond the plan's number of tasks are tenants of an addition under way. There is no index but
-- the primary key, so that updates can be HOT.
CREATE TABLE @.task (
	plan bigint, token bigint NOT NULL, last_token bigint NOT NULL, last_seq bigint NOT NULL,
	started bigint NOT NULL, updated bigint NOT NULL, ended bigint NOT NULL, elapsed_ms bigint NOT NULL,
	wait_until bigint NOT NULL, retried bigint NOT NULL, claim bigint NOT NULL, released bigint NOT NULL,
	attempt bigint NOT NULL, losses bigint NOT NULL, version bigint NOT NULL,
	ordinal integer, state smallint NOT NULL, request smallint NOT NULL, wait smallint NOT NULL,
	paused_individually boolean NOT NULL, waiting boolean NOT NULL, tenant text NOT NULL,
	labels text, parameters text, step text, failure text, attempts text, data bytea, undo bytea,
	PRIMARY KEY (plan, ordinal)
) WITH (fillfactor = 25);

-- The tasks in flight without a worker, by the order in which they are claimed.
CREATE TABLE @.queue (
	plan bigint, queue smallint, due bigint, ordinal integer, PRIMARY KEY (plan, queue, due, ordinal)
);

-- Sequential plans only: when holds ended. Of a task the greatest counts.
CREATE TABLE @.release (
	plan bigint, released bigint, ordinal integer NOT NULL, PRIMARY KEY (plan, released)
);

-- held are the ordinals of the tasks that the claim still holds. ended: the count of releases when
-- it lost the last one; 0 while it has some.
CREATE TABLE @.claim (
	plan bigint, number bigint, id text NOT NULL, worker text NOT NULL, held integer[] NOT NULL, ended bigint NOT NULL,
	PRIMARY KEY (plan, number)
) WITH (fillfactor = 50);
CREATE UNIQUE INDEX claim_id ON @.claim (plan, id);

CREATE TABLE @.event (
	plan bigint, seq bigint, at bigint NOT NULL, ordinal integer NOT NULL, attempt bigint NOT NULL,
	at_rest boolean NOT NULL, cause text NOT NULL, before text NOT NULL, after text NOT NULL, detail text,
	PRIMARY KEY (plan, seq)
);
CREATE INDEX event_plan ON @.event (plan, seq) WHERE ordinal = 0;

CREATE TABLE @.cursor (
	plan bigint, name text, owner text NOT NULL, until bigint NOT NULL, seq bigint NOT NULL, PRIMARY KEY (plan, name)
) WITH (fillfactor = 50);

-- due: for every engine, NULL if nothing is to be done before the next command. hold: when a reminder
-- is due. executor, since: the executor type to whose engines the plan is left, and since when.
CREATE TABLE @.agenda (
	plan bigint PRIMARY KEY, stamp bigint NOT NULL, due bigint, hold bigint NOT NULL, creating boolean NOT NULL,
	executor bytea, since bigint
) WITH (fillfactor = 50);
CREATE INDEX agenda_due ON @.agenda (due, plan);
CREATE INDEX agenda_left ON @.agenda (executor, since, plan) WHERE executor IS NOT NULL;

CREATE TABLE @.lease (
	incarnation text PRIMARY KEY, until bigint NOT NULL, joined bigint NOT NULL, capacity integer NOT NULL,
	held integer NOT NULL, executors text NOT NULL, plans bigint[] NOT NULL
) WITH (fillfactor = 30);

CREATE TABLE @.tenant_lock (
	tenant text PRIMARY KEY, plan bigint NOT NULL, ordinal integer NOT NULL, start bigint NOT NULL, phase bigint NOT NULL
) WITH (fillfactor = 80);

-- The places that are taken in quotas. Whoever takes one locks the row of its quota first.
CREATE TABLE @.quota (
	label text, value text, PRIMARY KEY (label, value)
);
CREATE TABLE @.place (
	label text, value text, plan bigint, ordinal integer, start bigint NOT NULL, phase bigint NOT NULL,
	PRIMARY KEY (label, value, plan, ordinal)
) WITH (fillfactor = 80);

CREATE TABLE @.subscription (
	name text PRIMARY KEY, number bigint NOT NULL, newest bigint NOT NULL, ready boolean NOT NULL, status text NOT NULL, dropped bigint NOT NULL
) WITH (fillfactor = 50);

CREATE TABLE @.unread (
	subscription text, plan bigint, due bigint NOT NULL, PRIMARY KEY (subscription, plan)
) WITH (fillfactor = 50);

CREATE TABLE @.dead_letter (
	subscription text, id text, number bigint NOT NULL, letter text NOT NULL, PRIMARY KEY (subscription, id)
);
