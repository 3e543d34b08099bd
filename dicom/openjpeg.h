/* OpenJPEG: JPEG 2000 for DCMTK, which has no codec of its own for it. */
#ifndef TUMORD_DICOM_OPENJPEG_H
#define TUMORD_DICOM_OPENJPEG_H

#ifdef __cplusplus
extern "C" {
#endif

/*
 * Registers the codec for JPEG 2000 (lossless only, and any). High-throughput codestreams are
 * decoded by it too: dataset_read() gives them out as JPEG 2000. For dicom_init().
 */
void openjpeg_register(void);

#ifdef __cplusplus
}
#endif

#endif
