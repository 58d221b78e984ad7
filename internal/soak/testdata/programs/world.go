package main

import (
	"bytes"
	"context"
	"crypto/tls"
	"database/sql"
	"database/sql/driver"
	"errors"
	"fmt"
	"io"
	"log"
	"log/slog"
	"math/rand/v2"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"os/signal"
	"runtime"
	"runtime/debug"
	"runtime/pprof"
	"runtime/trace"
	"sync"
	"sync/atomic"
	"syscall"
	"time"
)

// signals sends itself signals; a goroutine takes them under a lock.
func signals(r *rand.Rand) int {
	c := make(chan os.Signal, 1)
	signal.Notify(c, syscall.SIGUSR1, syscall.SIGUSR2)
	defer signal.Stop(c)
	var mu sync.Mutex
	var wg sync.WaitGroup
	stop := make(chan bool)
	for range 4 {
		wg.Go(func() {
			for {
				select {
				case <-stop:
					return
				default:
					mu.Lock()
					mu.Unlock()
					time.Sleep(50 * time.Microsecond)
				}
			}
		})
	}
	got := 0
	for range 500 {
		s := []syscall.Signal{syscall.SIGUSR1, syscall.SIGUSR2}[r.IntN(2)]
		if err := syscall.Kill(os.Getpid(), s); err != nil {
			panic(err)
		}
		if <-c == s {
			mu.Lock()
			got++
			mu.Unlock()
		}
	}
	close(stop)
	wg.Wait()
	ctx, cancel := signal.NotifyContext(context.Background(), syscall.SIGHUP)
	syscall.Kill(os.Getpid(), syscall.SIGHUP)
	<-ctx.Done()
	cancel()
	fmt.Println("got", got)
	return 0
}

// child is what children runs.
func child(r *rand.Rand) int {
	var mu sync.Mutex
	mu.Lock()
	defer mu.Unlock()
	in, err := io.ReadAll(os.Stdin)
	if err != nil {
		return 1
	}
	fmt.Printf("%d:%s", r.IntN(1000), bytes.ToUpper(in))
	return len(in)
}

func children(r *rand.Rand) int {
	exe, err := os.Executable()
	if err != nil {
		panic(err)
	}
	out := make([]string, 24)
	var wg sync.WaitGroup
	var mu sync.Mutex
	for i := range out {
		seed := r.IntN(1000)
		wg.Go(func() {
			cmd := exec.Command(exe, fmt.Sprintf("-seed=%d", seed), "child")
			for _, e := range os.Environ() {
				if len(e) < 11 || e[:11] != "SOAK_METER=" {
					cmd.Env = append(cmd.Env, e)
				}
			}
			cmd.Stdin = bytes.NewReader([]byte("abcdefghijklmnopqrstuvwxyz"[:i]))
			text, err := cmd.Output()
			var exit *exec.ExitError
			if err != nil && !errors.As(err, &exit) {
				panic(err)
			}
			mu.Lock()
			out[i] = fmt.Sprintf("%s %d", text, cmd.ProcessState.ExitCode())
			mu.Unlock()
		})
	}
	wg.Wait()
	for _, s := range out {
		fmt.Println(s)
	}
	return 0
}

// tlsServer has a server with TLS and clients of HTTP/1 and 2.
func tlsServer(r *rand.Rand) int {
	var mu sync.RWMutex
	seen := map[string]int{}
	s := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, q *http.Request) {
		body, _ := io.ReadAll(q.Body)
		mu.Lock()
		seen[q.URL.Path]++
		mu.Unlock()
		mu.RLock()
		defer mu.RUnlock()
		fmt.Fprintf(w, "%s %d", q.URL.Path, len(body))
	}))
	s.EnableHTTP2 = true
	s.Config.ErrorLog = log.New(io.Discard, "", 0)
	s.StartTLS()
	var wg sync.WaitGroup
	var bytesGot atomic.Int64
	for g := range 4 {
		seed := r.Uint64()
		wg.Go(func() {
			r := rand.New(rand.NewPCG(seed, 10))
			base := s.Client().Transport.(*http.Transport).Clone()
			if g%2 == 0 {
				base.ForceAttemptHTTP2 = false
				base.TLSClientConfig.NextProtos = []string{"http/1.1"}
				base.TLSNextProto = map[string]func(string, *tls.Conn) http.RoundTripper{}
			}
			c := &http.Client{Transport: base, Timeout: time.Minute}
			for i := range 60 {
				ctx, cancel := context.WithCancel(context.Background())
				q, _ := http.NewRequestWithContext(ctx, "POST", fmt.Sprintf("%s/%d", s.URL, r.IntN(10)), bytes.NewReader(make([]byte, r.IntN(20000))))
				q.Close = i%20 == 0
				a, err := c.Do(q)
				if err != nil {
					panic(err)
				}
				text, err := io.ReadAll(a.Body)
				if err != nil {
					panic(err)
				}
				a.Body.Close()
				bytesGot.Add(int64(len(text)))
				cancel()
			}
			base.CloseIdleConnections()
		})
	}
	wg.Wait()
	s.CloseClientConnections()
	s.Close()
	fmt.Println(seen, bytesGot.Load())
	return 0
}

// A fake is a driver whose every row is the number of the query.
type fake struct{ opened, queries atomic.Int64 }

func (d *fake) Open(string) (driver.Conn, error) { d.opened.Add(1); return &fakeConn{d: d}, nil }

type fakeConn struct {
	d  *fake
	mu sync.Mutex
	in bool
}

func (c *fakeConn) Prepare(q string) (driver.Stmt, error) { return &fakeStmt{c}, nil }
func (c *fakeConn) Close() error                          { return nil }
func (c *fakeConn) Begin() (driver.Tx, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.in = true
	return c, nil
}
func (c *fakeConn) Commit() error   { c.mu.Lock(); c.in = false; c.mu.Unlock(); return nil }
func (c *fakeConn) Rollback() error { return c.Commit() }

type fakeStmt struct{ c *fakeConn }

func (s *fakeStmt) Close() error  { return nil }
func (s *fakeStmt) NumInput() int { return -1 }
func (s *fakeStmt) Exec([]driver.Value) (driver.Result, error) {
	s.c.d.queries.Add(1)
	return driver.RowsAffected(1), nil
}

func (s *fakeStmt) Query([]driver.Value) (driver.Rows, error) {
	s.c.d.queries.Add(1)
	return &fakeRows{left: 3}, nil
}

type fakeRows struct{ left int }

func (r *fakeRows) Columns() []string { return []string{"n"} }
func (r *fakeRows) Close() error      { return nil }
func (r *fakeRows) Next(to []driver.Value) error {
	if r.left == 0 {
		return io.EOF
	}
	r.left--
	to[0] = int64(r.left)
	return nil
}

func database(r *rand.Rand) int {
	d := new(fake)
	sql.Register("fake", d)
	db, err := sql.Open("fake", "")
	if err != nil {
		panic(err)
	}
	db.SetMaxOpenConns(5)
	db.SetMaxIdleConns(2)
	db.SetConnMaxLifetime(20 * time.Millisecond)
	var wg sync.WaitGroup
	var sum atomic.Int64
	for range 12 {
		seed := r.Uint64()
		wg.Go(func() {
			r := rand.New(rand.NewPCG(seed, 11))
			for range 600 {
				ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
				switch r.IntN(3) {
				case 0:
					rows, err := db.QueryContext(ctx, "select")
					if err != nil {
						panic(err)
					}
					for rows.Next() {
						var n int64
						if err := rows.Scan(&n); err != nil {
							panic(err)
						}
						sum.Add(n)
					}
					rows.Close()
				case 1:
					tx, err := db.BeginTx(ctx, nil)
					if err != nil {
						panic(err)
					}
					if _, err := tx.ExecContext(ctx, "update"); err != nil {
						panic(err)
					}
					if r.IntN(2) == 0 {
						tx.Rollback()
					} else {
						tx.Commit()
					}
				case 2:
					if _, err := db.Exec("insert"); err != nil {
						panic(err)
					}
				}
				cancel()
			}
		})
	}
	wg.Wait()
	db.Close()
	fmt.Println("queries", d.queries.Load(), "sum", sum.Load())
	return 0
}

// profiles stops the world, dumps stacks, and takes profiles and a trace while
// locks are taken.
func profiles(r *rand.Rand) int {
	runtime.SetMutexProfileFraction(1)
	runtime.SetBlockProfileRate(1)
	if err := trace.Start(io.Discard); err != nil {
		panic(err)
	}
	if err := pprof.StartCPUProfile(io.Discard); err != nil {
		panic(err)
	}
	var a, b sync.Mutex
	n := 0
	var wg sync.WaitGroup
	for range 8 {
		wg.Go(func() {
			for range 10000 {
				a.Lock()
				b.Lock()
				n++
				b.Unlock()
				a.Unlock()
			}
		})
	}
	buf := make([]byte, 1<<20)
	var m runtime.MemStats
	for i := range 40 {
		a.Lock()
		runtime.GC()
		runtime.Stack(buf, true)
		a.Unlock()
		runtime.ReadMemStats(&m)
		runtime.GOMAXPROCS(1 + i%4)
		if i%10 == 0 {
			debug.FreeOSMemory()
			for _, p := range pprof.Profiles() {
				if err := p.WriteTo(io.Discard, i%2); err != nil {
					panic(err)
				}
			}
		}
	}
	wg.Wait()
	pprof.StopCPUProfile()
	trace.Stop()
	fmt.Println("taken", n, r.IntN(100))
	return 0
}

// logs writes logs, formatted output and files from many goroutines.
func logs(r *rand.Rand) int {
	dir, err := os.MkdirTemp("", "logs-")
	if err != nil {
		panic(err)
	}
	defer os.RemoveAll(dir)
	f, err := os.Create(dir + "/log")
	if err != nil {
		panic(err)
	}
	old := log.New(f, "soak ", log.Lmicroseconds)
	structured := slog.New(slog.NewTextHandler(f, nil))
	pr, pw := io.Pipe()
	var wg sync.WaitGroup
	wg.Go(func() {
		n, err := io.Copy(io.Discard, pr)
		fmt.Println("piped", n, err)
	})
	var writers sync.WaitGroup
	for range 8 {
		seed := r.Uint64()
		writers.Go(func() {
			r := rand.New(rand.NewPCG(seed, 12))
			for i := range 3000 {
				switch r.IntN(3) {
				case 0:
					old.Printf("line %d of %v", i, []int{i})
				case 1:
					structured.With("i", i).Info("line", "r", r.IntN(10))
				case 2:
				}
				fmt.Fprintf(pw, "%05d", i)
			}
		})
	}
	writers.Wait()
	pw.Close()
	wg.Wait()
	if err := f.Close(); err != nil {
		panic(err)
	}
	return 0
}
