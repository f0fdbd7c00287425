package govern

import (
	"context"
	"sync"
)

// memory is a Memory in memory.
type memory struct {
	mu         sync.Mutex
	size       uint64
	checkpoint string
}

func (m *memory) Remember(_ context.Context, size uint64, checkpoint string) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	if size >= m.size {
		m.size, m.checkpoint = size, checkpoint
	}
	return nil
}

func (m *memory) Remembered(context.Context) (string, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.checkpoint, nil
}
