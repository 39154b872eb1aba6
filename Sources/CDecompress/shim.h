#pragma once
#include <bzlib.h>
#include <lzma.h>
#include <zlib.h>

/// lzma_stream_decoder: streams one after another. Its macro does not import into Swift.
static const uint32_t firn_lzma_concatenated = LZMA_CONCATENATED;
