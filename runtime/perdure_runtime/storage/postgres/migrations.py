"""The tables, version by version.

All are in a schema of their own, ``perdure``, beside whatever else a database holds. One database serves many
partitions: ``partition`` is the first column of each key, and rows of one invocation or object lie together behind it.
Indexes are partial, so that a row pays only for the list it stands in. Nothing refers to another table by a foreign
key: a batch is written whole, and each check would be a lookup.
"""

# What a statement of ours raises when ``perdure.require`` finds a condition broken.
BROKEN = "PD001"

# Text sorts by its bytes, as it does everywhere else in perdure, whatever the language of the database.
_ID = 'text COLLATE "C" NOT NULL'
# A row of these changes often and stays as long: room on its page lets the new version lie beside the old one.
_ROOMY = "WITH (fillfactor = 70, autovacuum_vacuum_scale_factor = 0.02)"
# Rows of these come and go.
_BUSY = "WITH (autovacuum_vacuum_scale_factor = 0.02, autovacuum_analyze_scale_factor = 0.02)"

# Statements by version: a database of version n gets all from place n on. What has been released is never edited.
MIGRATIONS: tuple[tuple[str, ...], ...] = (
    (
        # batch is the number of the last batch of the epoch's owner: with it a node that lost its connection in a
        # commit learns whether that was kept, and sees to it that it is not kept later.
        """
        CREATE TABLE perdure.partition (
            partition integer NOT NULL PRIMARY KEY,
            epoch bigint NOT NULL,
            batch bigint NOT NULL
        ) WITH (fillfactor = 10)
        """,
        # Ends the transaction: a batch is sent whole, with its COMMIT, before the first of its answers has come.
        f"""
        CREATE FUNCTION perdure.require(condition boolean, what text) RETURNS void LANGUAGE plpgsql AS $$
        BEGIN
            IF condition IS NOT TRUE THEN
                RAISE EXCEPTION USING ERRCODE = '{BROKEN}', MESSAGE = what;
            END IF;
        END
        $$
        """,
        # status is one of: scheduled queued running suspended backing_off paused ended. Each has its own columns and
        # leaves those of the others NULL. outcome_code is 0 for a value, else the gRPC status of the terminal error.
        # cancel: 0 nobody has cancelled it, 1 what it has called is being cancelled first, 2 it stands in its journal.
        # The retentions are for an end that no attempt brings about.
        # callees: how many of what it has called have yet to end, while it is being cancelled.
        # deployment_id: the deployment that wrote its journal. retain_until_ms: the next of outcome_until_ms and
        # journal_until_ms. A long input lies outside of its row by itself, and is not written again with it.
        f"""
        CREATE TABLE perdure.invocation (
            partition integer NOT NULL,
            id {_ID},
            service {_ID},
            handler {_ID},
            key {_ID},
            exclusive boolean NOT NULL,
            once boolean NOT NULL,
            explicit_cancellation boolean NOT NULL,
            outcome_retention_ms bigint NOT NULL,
            journal_retention_ms bigint NOT NULL,
            idempotency_key {_ID},
            created_at_ms bigint NOT NULL,
            headers text,
            caller_id text,
            caller_command bigint,
            attempt bigint NOT NULL,
            failures bigint NOT NULL,
            last_error text NOT NULL,
            cancel bigint NOT NULL,
            callees bigint NOT NULL,
            deployment_id {_ID},
            status text NOT NULL,
            due_ms bigint,
            inbox_seq bigint,
            awaiting text,
            outcome_code bigint,
            outcome bytea,
            ended_at_ms bigint,
            outcome_until_ms bigint,
            journal_until_ms bigint,
            retain_until_ms bigint,
            input bytea NOT NULL,
            PRIMARY KEY (partition, id)
        ) {_ROOMY}
        """,
        "CREATE INDEX invocation_running ON perdure.invocation (partition, id) WHERE status = 'running'",
        """
        CREATE INDEX invocation_retention ON perdure.invocation (partition, retain_until_ms, id)
        WHERE retain_until_ms IS NOT NULL
        """,
        """
        CREATE INDEX invocation_deployment ON perdure.invocation (partition, deployment_id, id)
        WHERE deployment_id <> '' AND status <> 'ended'
        """,
        f"""
        CREATE TABLE perdure.journal_entry (
            partition integer NOT NULL,
            invocation_id {_ID},
            position bigint NOT NULL,
            kind text NOT NULL,
            entry bytea NOT NULL,
            PRIMARY KEY (partition, invocation_id, position)
        ) {_BUSY}
        """,
        f"""
        CREATE TABLE perdure.listener (
            partition integer NOT NULL,
            invocation_id {_ID},
            caller_id {_ID},
            caller_command bigint NOT NULL,
            PRIMARY KEY (partition, invocation_id, caller_id, caller_command)
        ) {_BUSY}
        """,
        f"""
        CREATE TABLE perdure.object (
            partition integer NOT NULL,
            service {_ID},
            key {_ID},
            holder text NOT NULL,
            head bigint NOT NULL,
            tail bigint NOT NULL,
            PRIMARY KEY (partition, service, key)
        ) {_ROOMY}
        """,
        f"""
        CREATE TABLE perdure.inbox (
            partition integer NOT NULL,
            service {_ID},
            key {_ID},
            seq bigint NOT NULL,
            invocation_id text NOT NULL,
            PRIMARY KEY (partition, service, key, seq)
        ) {_BUSY}
        """,
        f"""
        CREATE TABLE perdure.state (
            partition integer NOT NULL,
            service {_ID},
            key {_ID},
            name {_ID},
            value bytea NOT NULL,
            PRIMARY KEY (partition, service, key, name)
        ) {_ROOMY}
        """,
        f"""
        CREATE TABLE perdure.idempotency (
            partition integer NOT NULL,
            service {_ID},
            handler {_ID},
            key {_ID},
            idempotency_key {_ID},
            invocation_id text NOT NULL,
            PRIMARY KEY (partition, service, handler, key, idempotency_key)
        ) {_BUSY}
        """,
        # waiting is JSON: pairs of invocation and command. A promise with a result has none.
        f"""
        CREATE TABLE perdure.promise (
            partition integer NOT NULL,
            service {_ID},
            key {_ID},
            name {_ID},
            result bytea,
            waiting text,
            PRIMARY KEY (partition, service, key, name)
        ) {_ROOMY}
        """,
        # number is the command of a wake, the attempt of a retry, and 0 for a start.
        f"""
        CREATE TABLE perdure.timer (
            partition integer NOT NULL,
            due_ms bigint NOT NULL,
            invocation_id {_ID},
            purpose {_ID},
            number bigint NOT NULL,
            PRIMARY KEY (partition, due_ms, invocation_id, purpose, number)
        ) {_BUSY}
        """,
        f"""
        CREATE TABLE perdure.deployment (
            partition integer NOT NULL,
            id {_ID},
            address text NOT NULL,
            services text NOT NULL,
            created_at_ms bigint NOT NULL,
            descriptors bytea NOT NULL,
            PRIMARY KEY (partition, id)
        )
        """,
    ),
    (
        # How many partitions there are, in how many databases, and which of them this one is: it has the partitions
        # that leave the rest ``database``.
        """
        CREATE TABLE perdure.cluster (
            partitions integer NOT NULL, databases integer NOT NULL, database integer NOT NULL
        )
        """,
        # Version 1 had one node with one partition.
        "INSERT INTO perdure.cluster SELECT 1, 1, 0 WHERE EXISTS (SELECT FROM perdure.partition)",
        # owner is a node, or empty. The number of its last batch stands in perdure.writer.
        """
        ALTER TABLE perdure.partition ADD COLUMN owner text COLLATE "C" NOT NULL DEFAULT '', DROP COLUMN batch
        """,
        # lease_until is by the clock of this server, the only one that counts.
        f"""
        CREATE TABLE perdure.node (
            id {_ID} PRIMARY KEY,
            address text NOT NULL,
            lease_until timestamptz NOT NULL,
            draining boolean NOT NULL,
            joined_at timestamptz NOT NULL
        ) WITH (fillfactor = 50)
        """,
        # batch is the number of the node's last batch: whoever writes one locks this row, and so does whoever takes
        # partitions of the node. With it a node that lost its connection in a commit learns whether that was kept, and
        # sees to it that it is not kept later.
        f"""
        CREATE TABLE perdure.writer (
            node {_ID} PRIMARY KEY,
            batch bigint NOT NULL
        ) WITH (fillfactor = 10)
        """,
        # Results that a cancelled invocation is yet to be given.
        f"""
        CREATE TABLE perdure.held_result (
            partition integer NOT NULL,
            invocation_id {_ID},
            command bigint NOT NULL,
            outcome bytea NOT NULL,
            PRIMARY KEY (partition, invocation_id, command)
        ) {_BUSY}
        """,
        # From this partition to another one: the number of the last message sent, and of the last that is known to be
        # there.
        f"""
        CREATE TABLE perdure.channel (
            partition integer NOT NULL,
            destination integer NOT NULL,
            sent bigint NOT NULL,
            acknowledged bigint NOT NULL,
            PRIMARY KEY (partition, destination)
        ) {_ROOMY}
        """,
        f"""
        CREATE TABLE perdure.outbox (
            partition integer NOT NULL,
            destination integer NOT NULL,
            seq bigint NOT NULL,
            message bytea NOT NULL,
            PRIMARY KEY (partition, destination, seq)
        ) {_BUSY}
        """,
        "CREATE INDEX outbox_destination ON perdure.outbox (destination, partition, seq)",
        # The number of the last message that this partition has from another one.
        f"""
        CREATE TABLE perdure.received (
            partition integer NOT NULL,
            source integer NOT NULL,
            seq bigint NOT NULL,
            PRIMARY KEY (partition, source)
        ) {_ROOMY}
        """,
        # Deployments are the cluster's.
        "DELETE FROM perdure.deployment WHERE partition <> 0",
        # Its primary key goes with the column.
        """
        ALTER TABLE perdure.deployment DROP COLUMN partition, ADD PRIMARY KEY (id),
            ADD COLUMN sdk_version text NOT NULL DEFAULT ''
        """,
    ),
    (
        # How far each source has come in this partition: what it brings again is not beyond its position.
        f"""
        CREATE TABLE perdure.mark (
            partition integer NOT NULL,
            source {_ID},
            position bigint NOT NULL,
            PRIMARY KEY (partition, source)
        ) {_ROOMY}
        """,
        # What operators have defined, by kind: content is a message of the admin API.
        f"""
        CREATE TABLE perdure.definition (
            kind {_ID},
            name {_ID},
            content bytea NOT NULL,
            PRIMARY KEY (kind, name)
        )
        """,
        """
        CREATE INDEX journal_entry_awakeable ON perdure.journal_entry (partition, invocation_id, position)
        WHERE kind = 'awakeable'
        """,
    ),
)
