package picture

import (
	"encoding/binary"
	"flag"
	"hash/crc32"
	"os"
	"path/filepath"
	"testing"
)

var update = flag.Bool("update", false, "write testdata/films again")

// withCRC corrects the checksum of a PNG's IHDR chunk.
func withCRC(content []byte) []byte {
	return append(binary.BigEndian.AppendUint32(content[:29:29], crc32.ChecksumIEEE(content[12:29])), content[33:]...)
}

// TestFixture makes, with -update, the small folder that TestLabelsCSV reads.
func TestFixture(t *testing.T) {
	if !*update {
		t.Skip("only with -update")
	}
	dir := filepath.Join("testdata", "films")
	if err := os.MkdirAll(dir, 0o755); err != nil {
		t.Fatal(err)
	}
	for name, content := range map[string][]byte{
		"a.png": pngBytes(t, grey(0)), "b.png": pngBytes(t, deep()), "c.jpg": jpegBytes(t, grey(9)),
		"d.png": pngBytes(t, grey(60)), "e.jpg": jpegBytes(t, grey(30)),
		"labels.csv": []byte("file,label,group,split\na.png,normal,p1,train\nb.png,normal,p1,train\nc.jpg,pneumonia,p2,train\nd.png,normal,p3,test\ne.jpg,pneumonia,p4,test\n"),
	} {
		if err := os.WriteFile(filepath.Join(dir, name), content, 0o644); err != nil {
			t.Fatal(err)
		}
	}
}
