package main

import (
	"context"
	"errors"
	"fmt"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"

	"github.com/cutover-go/cutover/store/pgstore"
)

// openPostgres opens a database, in which it makes the tables if they are not there. A service
// whose user may not do that calls pgstore.Migrate elsewhere, as another user.
func openPostgres(ctx context.Context, url string, demo bool) (shared, error) {
	if err := pgstore.Migrate(ctx, url, pgstore.Config{}); err != nil {
		return shared{}, err
	}
	s, err := pgstore.Open(ctx, url, pgstore.Config{})
	if err != nil {
		return shared{}, err
	}
	end := func() { _ = s.Close() }
	if !demo {
		return shared{"postgres", s, nil, end}, nil
	}
	w, err := openTable(ctx, url)
	if err != nil {
		end()
		return shared{}, err
	}
	return shared{"postgres", s, w, func() { w.pool.Close(); end() }}, nil
}

// tableWorld is a world in a table.
type tableWorld struct{ pool *pgxpool.Pool }

// openTable makes the table, in the one transaction of its statements. The lock keeps copies that
// start at once from doing so together.
func openTable(ctx context.Context, url string) (tableWorld, error) {
	pool, err := pgxpool.New(ctx, url)
	if err != nil {
		return tableWorld{}, err
	}
	_, err = pool.Exec(ctx, `SELECT pg_advisory_xact_lock(hashtext('example_server'));
		CREATE SCHEMA IF NOT EXISTS example_server;
		CREATE TABLE IF NOT EXISTS example_server.demo (kind text, tenant text, value text NOT NULL, PRIMARY KEY (kind, tenant))`, pgx.QueryExecModeSimpleProtocol)
	if err != nil {
		pool.Close()
		return tableWorld{}, fmt.Errorf("-demo keeps its tenants in the table example_server.demo: %w", err)
	}
	return tableWorld{pool}, nil
}

func (w tableWorld) get(ctx context.Context, kind, tenant, first string) (value string, err error) {
	row := w.pool.QueryRow(ctx, "SELECT value FROM example_server.demo WHERE kind = $1 AND tenant = $2", kind, tenant)
	if err := row.Scan(&value); errors.Is(err, pgx.ErrNoRows) {
		return first, nil
	} else if err != nil {
		return "", err
	}
	return value, nil
}

func (w tableWorld) set(ctx context.Context, kind, tenant, value string) error {
	_, err := w.pool.Exec(ctx, `INSERT INTO example_server.demo VALUES ($1, $2, $3)
		ON CONFLICT (kind, tenant) DO UPDATE SET value = excluded.value`, kind, tenant, value)
	return err
}
