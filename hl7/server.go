package hl7

import (
	"bufio"
	"context"
	"crypto/sha256"
	"crypto/tls"
	"errors"
	"io"
	"log/slog"
	"net"
	"sync"
	"time"

	"consilium/fault"
)

// DefaultAddress is where a Server listens when nothing is said: this machine only.
const DefaultAddress = "127.0.0.1:2575"

// Config is what a Server is made of.
type Config struct {
	Address string      // DefaultAddress when ""
	TLS     *tls.Config // nil: none; with ClientAuth set, peers must show a certificate

	// Handle takes an event in. It is called with one event at a time, in the
	// order they come, and acknowledged after it returns: nil is AA. An event may come
	// again, when the answer to it was lost.
	Handle func(ctx context.Context, e Event) error

	Application, Facility string        // MSH-3 and MSH-4 of answers
	MaxConnections        int           // 0 = 64
	Idle                  time.Duration // longest wait for the next message; 0 = 30 minutes
	Deadline              time.Duration // for the rest of a message, for Handle, and for an answer; 0 = 30 seconds
	Log                   *slog.Logger
	Now                   func() time.Time
}

// remembered is how many accepted messages a Server knows again.
const remembered = 10_000

// Server listens for messages over MLLP.
type Server struct {
	c        Config
	listener net.Listener
	slots    chan struct{}
	handling sync.Mutex // one event at a time; guards seen and order
	seen     map[[32]byte]bool
	order    [][32]byte
}

// Listen opens the listener, which Run serves.
func Listen(c Config) (*Server, error) {
	if c.Address == "" {
		c.Address = DefaultAddress
	}
	if c.MaxConnections <= 0 {
		c.MaxConnections = 64
	}
	if c.Idle <= 0 {
		c.Idle = 30 * time.Minute
	}
	if c.Deadline <= 0 {
		c.Deadline = 30 * time.Second
	}
	if c.Log == nil {
		c.Log = slog.New(slog.DiscardHandler)
	}
	if c.Now == nil {
		c.Now = time.Now
	}
	if c.Application == "" {
		c.Application = "CONSILIUM"
	}
	if c.Handle == nil {
		return nil, fault.New(fault.Internal, "an HL7 listener without a handler", "please report it")
	}
	l, err := net.Listen("tcp", c.Address)
	if err != nil {
		return nil, fault.Wrap(err, fault.IO, "the HL7 listener cannot be opened at "+c.Address, "choose a free port")
	}
	if c.TLS != nil {
		l = tls.NewListener(l, c.TLS)
	}
	return &Server{c: c, listener: l, slots: make(chan struct{}, c.MaxConnections), seen: map[[32]byte]bool{}}, nil
}

// Addr is where the server listens.
func (s *Server) Addr() net.Addr { return s.listener.Addr() }

// Run serves until ctx ends; an event that is being handled is finished.
func (s *Server) Run(ctx context.Context) error {
	var connections sync.WaitGroup
	defer connections.Wait()
	stop := context.AfterFunc(ctx, func() { s.listener.Close() })
	defer stop()
	for {
		conn, err := s.listener.Accept()
		if err != nil {
			if ctx.Err() != nil {
				return nil
			}
			if errors.Is(err, net.ErrClosed) {
				return fault.Wrap(err, fault.IO, "the HL7 listener was closed", "start the node again")
			}
			s.c.Log.Warn("an HL7 connection was not accepted", "error", err)
			select { // out of file descriptors, as a rule
			case <-ctx.Done():
			case <-time.After(100 * time.Millisecond):
			}
			continue
		}
		select {
		case s.slots <- struct{}{}:
		default:
			s.c.Log.Warn("too many HL7 connections", "from", conn.RemoteAddr())
			conn.Close()
			continue
		}
		connections.Go(func() {
			defer func() { <-s.slots }()
			s.serve(ctx, conn)
		})
	}
}

// serve answers one connection, message after message.
func (s *Server) serve(ctx context.Context, conn net.Conn) {
	defer conn.Close()
	stop := context.AfterFunc(ctx, func() { conn.SetReadDeadline(time.Now()) }) // the message at hand is still answered
	defer stop()
	r := bufio.NewReaderSize(conn, 16<<10)
	for ctx.Err() == nil {
		_ = conn.SetReadDeadline(time.Now().Add(s.c.Idle))
		if ctx.Err() != nil { // it ended between the two
			return
		}
		raw, err := readFrame(r, func() { _ = conn.SetReadDeadline(time.Now().Add(s.c.Deadline)) })
		if err != nil {
			var coded *fault.Error
			if errors.As(err, &coded) { // no message can be told apart after this one
				s.answer(conn, Acknowledge(Message{Delimiters: standard}, s.c.Application, s.c.Facility, s.c.Now(), err))
			}
			if !errors.Is(err, io.EOF) && ctx.Err() == nil {
				s.c.Log.Info("an HL7 connection ended", "from", conn.RemoteAddr(), "error", err)
			}
			return
		}
		if !s.answer(conn, s.take(ctx, raw)) {
			return
		}
	}
}

func (s *Server) answer(conn net.Conn, ack Message) bool {
	_ = conn.SetWriteDeadline(time.Now().Add(s.c.Deadline))
	_, err := conn.Write(frame(ack.Bytes()))
	return err == nil
}

// take handles one message and makes its acknowledgement.
func (s *Server) take(ctx context.Context, raw []byte) Message {
	m, err := s.read(ctx, raw)
	if err != nil {
		s.c.Log.Warn("an HL7 message was not taken in", "control", ascii(m.Control()), "code", fault.CodeOf(err), "what", fault.Of(err).What)
	}
	return Acknowledge(m, s.c.Application, s.c.Facility, s.c.Now(), err)
}

func (s *Server) read(ctx context.Context, raw []byte) (Message, error) {
	none := Message{Delimiters: standard}
	text, err := Decode(raw)
	if err != nil {
		return none, err
	}
	m, err := Parse(text)
	if err != nil {
		return none, err
	}
	if m.Control() == "" {
		return m, missing("a control ID (MSH-10)")
	}
	e, err := Read(m)
	if err != nil {
		return m, err
	}
	s.handling.Lock()
	defer s.handling.Unlock()
	key := sha256.Sum256(raw) // the control ID is part of it
	if s.seen[key] {
		return m, nil // the answer to it was lost
	}
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), s.c.Deadline)
	defer cancel()
	if err := s.handle(ctx, e); err != nil {
		return m, err
	}
	s.remember(key)
	return m, nil
}

// handle calls the handler; a panic in it is an error of this one message.
func (s *Server) handle(ctx context.Context, e Event) (err error) {
	defer func() {
		if r := recover(); r != nil {
			s.c.Log.Error("an HL7 message broke its handler", "control", ascii(e.Control), "panic", r)
			err = fault.New(fault.Internal, "the message could not be processed", "please report it")
		}
	}()
	return s.c.Handle(ctx, e)
}

func (s *Server) remember(key [32]byte) {
	if len(s.order) == remembered {
		delete(s.seen, s.order[0])
		s.order = s.order[1:]
	}
	s.seen[key] = true
	s.order = append(s.order, key)
}
