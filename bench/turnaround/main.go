// Command turnaround measures how long a PACS waits for the report: SYNTHETIC
// chest films go to a node one after another, and the clock runs from the answer
// to the last C-STORE until Orthanc, which the node sends to, has the structured
// report of that study.
//
//	turnaround NODE ORTHANC COUNT     as 127.0.0.1:11112 http://127.0.0.1:8042 100
package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"slices"
	"strconv"
	"time"

	"consilium/dataset/synthetic"
	"consilium/dicom"
	"consilium/dimse"
)

func main() {
	if err := run(); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

func run() error {
	if len(os.Args) != 4 {
		return errors.New("usage: turnaround NODE ORTHANC COUNT")
	}
	count, err := strconv.Atoi(os.Args[3])
	if err != nil || count < 1 {
		return fmt.Errorf("%q is no count", os.Args[3])
	}
	ctx, cancel := context.WithTimeout(context.Background(), time.Duration(count)*10*time.Second)
	defer cancel()
	var took []time.Duration
	for i := range count {
		film, study, err := film(uint64(i))
		if err != nil {
			return err
		}
		source := dimse.Source{Name: study, Open: func() (io.ReadCloser, error) { return io.NopCloser(bytes.NewReader(film)), nil }}
		if _, err := dimse.Store(ctx, dimse.Peer{Address: os.Args[1], AETitle: "CONSILIUM", CallingAE: "BENCH"}, []dimse.Source{source}, nil); err != nil {
			return err
		}
		started := time.Now()
		if err := await(ctx, os.Args[2], study); err != nil {
			return err
		}
		took = append(took, time.Since(started))
	}
	slices.Sort(took)
	at := func(q float64) float64 { return took[min(len(took)-1, int(q*float64(len(took))))].Seconds() }
	fmt.Printf("from the last C-STORE to the report in Orthanc, %d chest films: median %.2f s, p95 %.2f s, longest %.2f s\n", count, at(0.5), at(0.95), took[len(took)-1].Seconds())
	return nil
}

// film is the synthetic film of a seed, in a study of its own.
func film(seed uint64) (file []byte, study string, err error) {
	patient, _ := synthetic.Patient(seed)
	var b bytes.Buffer
	if err := dicom.WriteFilm(&b, dicom.FilmOptions{Image: patient.Images[0]}); err != nil {
		return nil, "", err
	}
	o, err := dicom.ParseObject(&b, "film")
	if err != nil {
		return nil, "", err
	}
	for tag, part := range map[dicom.Tag]string{dicom.StudyInstanceUID: "study", dicom.SeriesInstanceUID: "series", dicom.SOPInstanceUID: "object"} {
		if err := o.Set(tag, dicom.DerivedUID("turnaround", part, fmt.Sprint(seed, time.Now().UnixNano()))); err != nil {
			return nil, "", err
		}
	}
	var out bytes.Buffer
	err = o.Write(&out)
	return out.Bytes(), o.IDs().Study, err
}

// await asks Orthanc until it has a report of the study.
func await(ctx context.Context, orthanc, study string) error {
	query, err := json.Marshal(map[string]any{"Level": "Series", "Query": map[string]string{"StudyInstanceUID": study, "Modality": "SR"}})
	if err != nil {
		return err
	}
	for {
		request, err := http.NewRequestWithContext(ctx, http.MethodPost, orthanc+"/tools/find", bytes.NewReader(query))
		if err != nil {
			return err
		}
		response, err := http.DefaultClient.Do(request)
		if err != nil {
			return err
		}
		var found []string
		err = json.NewDecoder(response.Body).Decode(&found)
		response.Body.Close()
		if err != nil || len(found) > 0 {
			return err
		}
		time.Sleep(10 * time.Millisecond) // how fine the measurement is
	}
}
