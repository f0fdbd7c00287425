package govern

import (
	"crypto/rand"
	"encoding/hex"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"golang.org/x/mod/sumdb/note"

	"consilium/fault"
)

const (
	keyFile    = "audit.key" // signer key of golang.org/x/mod/sumdb/note, Ed25519
	publicFile = "audit.pub" // its verifier key, for those who check the log
	originBase = "consilium-audit-"
)

// logKey gives the signer of a log. It makes the key at the first start; the
// name in it, which is also the log's origin line, is unlike that of any other node.
func logKey(keys string) (note.Signer, note.Verifier, error) {
	private := filepath.Join(keys, keyFile)
	text, err := os.ReadFile(private)
	if errors.Is(err, fs.ErrNotExist) {
		text, err = makeKey(keys)
	}
	if err != nil {
		return nil, nil, fault.Wrap(err, fault.IO, "the audit log's key cannot be read or made", "check the permissions of "+keys)
	}
	if info, err := os.Stat(private); err == nil && info.Mode().Perm()&0o077 != 0 {
		return nil, nil, fault.New(fault.AuditBroken, "others may read the audit log's key "+private, "find out who did; then make it private: chmod 600")
	}
	signer, err := note.NewSigner(strings.TrimSpace(string(text)))
	if err != nil {
		return nil, nil, fault.Wrap(err, fault.AuditBroken, private+" is no signing key", "restore it from the backup; with a new key the old checkpoints cannot be continued")
	}
	verifier, err := PublicKey(filepath.Join(keys, publicFile))
	if err != nil {
		return nil, nil, err
	}
	if verifier.Name() != signer.Name() || verifier.KeyHash() != signer.KeyHash() {
		return nil, nil, fault.New(fault.AuditBroken, "the two halves of the audit log's key do not belong together", "restore the folder "+keys+" from the backup")
	}
	return signer, verifier, nil
}

// makeKey writes a new key pair: the public half first, so that a signing key
// on the disk always has its public half beside it.
func makeKey(keys string) ([]byte, error) {
	if err := os.MkdirAll(keys, 0o700); err != nil {
		return nil, err
	}
	var id [4]byte
	if _, err := rand.Read(id[:]); err != nil {
		return nil, err
	}
	signer, verifier, err := note.GenerateKey(rand.Reader, originBase+hex.EncodeToString(id[:]))
	if err != nil {
		return nil, err
	}
	if err := replaceFile(filepath.Join(keys, publicFile), []byte(verifier+"\n"), 0o644); err != nil {
		return nil, err
	}
	return []byte(signer), replaceFile(filepath.Join(keys, keyFile), []byte(signer+"\n"), 0o600)
}

// PublicKey reads a verifier key from a file, as `audit.pub` in a node's folder
// "keys" holds it.
func PublicKey(path string) (note.Verifier, error) {
	text, err := os.ReadFile(path)
	if err != nil {
		return nil, fault.Wrap(err, fault.InputMissing, "the audit log's public key cannot be read", "name the file keys/"+publicFile+" of the node")
	}
	v, err := note.NewVerifier(strings.TrimSpace(string(text)))
	if err != nil {
		return nil, fault.Wrap(err, fault.InputMalformed, path+" is no public key of an audit log", "ask the node's administrator for keys/"+publicFile)
	}
	return v, nil
}

// replaceFile writes a file whole or not at all, and has it on the disk when it returns.
func replaceFile(path string, content []byte, mode fs.FileMode) error {
	dir := filepath.Dir(path)
	f, err := os.CreateTemp(dir, filepath.Base(path)+temporary+"*")
	if err != nil {
		return err
	}
	defer os.Remove(f.Name())
	_, err = f.Write(content)
	err = errors.Join(err, f.Chmod(mode), f.Sync(), f.Close())
	if err == nil {
		err = os.Rename(f.Name(), path)
	}
	if err != nil {
		return err
	}
	return syncDir(dir)
}

func syncDir(dir string) error {
	d, err := os.Open(dir)
	if err != nil {
		return err
	}
	if err := errors.Join(d.Sync(), d.Close()); err != nil {
		return fmt.Errorf("folder %s: %w", dir, err)
	}
	return nil
}
