// Queries of one transaction nested in each other, the usual way to read rows and
// look up their details. The rows hold the transaction's closemu for reading, and
// Commit and Rollback take it for writing; but first they cancel the transaction's
// context, which closes the rows. So whoever commits, and when, it cannot hang.
package main

import (
	"context"
	"database/sql"
	"database/sql/driver"
	"errors"
	"fmt"
	"io"
	"time"
)

type (
	drv  struct{}
	conn struct{}
	tx   struct{}
	rows struct{ n int }
	stmt struct{}
)

func (drv) Open(string) (driver.Conn, error)                              { return conn{}, nil }
func (conn) Prepare(string) (driver.Stmt, error)                          { return stmt{}, nil }
func (conn) Close() error                                                 { return nil }
func (conn) Begin() (driver.Tx, error)                                    { return tx{}, nil }
func (conn) BeginTx(context.Context, driver.TxOptions) (driver.Tx, error) { return tx{}, nil }
func (conn) QueryContext(context.Context, string, []driver.NamedValue) (driver.Rows, error) {
	return &rows{}, nil
}
func (stmt) Close() error                               { return nil }
func (stmt) NumInput() int                              { return 0 }
func (stmt) Exec([]driver.Value) (driver.Result, error) { return driver.RowsAffected(1), nil }
func (stmt) Query([]driver.Value) (driver.Rows, error)  { return &rows{}, nil }
func (tx) Commit() error                                { return nil }
func (tx) Rollback() error                              { return nil }
func (*rows) Columns() []string                         { return []string{"a"} }
func (*rows) Close() error                              { return nil }

func (r *rows) Next(d []driver.Value) error {
	if r.n++; r.n > 2 {
		return io.EOF
	}
	d[0] = int64(r.n)
	return nil
}

// nested reads rows, and others for each.
func nested(tx *sql.Tx) (sum int) {
	outer, err := tx.Query("select a")
	if err != nil {
		panic(err)
	}
	defer outer.Close()
	for outer.Next() {
		inner, err := tx.Query("select b")
		if err != nil {
			panic(err)
		}
		for inner.Next() {
			var n int
			if err := inner.Scan(&n); err != nil {
				panic(err)
			}
			sum += n
		}
		inner.Close()
	}
	return sum
}

func main() {
	sql.Register("fake", drv{})
	db, err := sql.Open("fake", "")
	if err != nil {
		panic(err)
	}
	begin := func(ctx context.Context) *sql.Tx {
		t, err := db.BeginTx(ctx, nil)
		if err != nil {
			panic(err)
		}
		return t
	}

	// The same goroutine commits.
	t := begin(context.Background())
	fmt.Println("sum:", nested(t), t.Commit())

	// A goroutine that is started later commits.
	t = begin(context.Background())
	fmt.Println("sum:", nested(t))
	done := make(chan error)
	go func() { done <- t.Commit() }()
	fmt.Println(<-done)

	// A goroutine commits that ran all the time.
	work := make(chan *sql.Tx)
	go func() {
		for t := range work {
			done <- t.Commit()
		}
	}()
	t = begin(context.Background())
	fmt.Println("sum:", nested(t))
	work <- t
	fmt.Println(<-done)
	close(work)

	// The end of the context rolls back, on a goroutine of the transaction.
	ctx, cancel := context.WithCancel(context.Background())
	t = begin(ctx)
	fmt.Println("sum:", nested(t))
	cancel()
	for err = t.Commit(); err == nil; err = t.Commit() {
		time.Sleep(time.Millisecond)
	}
	fmt.Println("ended:", errors.Is(err, context.Canceled) || errors.Is(err, sql.ErrTxDone))
	db.Close()
}
