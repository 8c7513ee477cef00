/** `grpc.reflection`: what this door serves, for tools that have no contract file. */
import { create, type DescFile, type DescMessage, fromBinary, toBinary } from "@bufbuild/protobuf";
import { FileDescriptorProtoSchema } from "@bufbuild/protobuf/wkt";
import { ErrorInfoSchema } from "@tandem/contracts/rpc/google/rpc/error_details_pb";
import { file_rpc_google_rpc_status } from "@tandem/contracts/rpc/google/rpc/status_pb";
import { file_rpc_grpc_health_v1_health } from "@tandem/contracts/rpc/grpc/health/v1/health_pb";
import {
  file_rpc_grpc_reflection_v1_reflection,
  type ServerReflectionRequest,
  ServerReflectionRequestSchema,
  type ServerReflectionResponse,
  ServerReflectionResponseSchema,
} from "@tandem/contracts/rpc/grpc/reflection/v1/reflection_pb";
import { file_rpc_tandem_v1_inference } from "@tandem/contracts/rpc/tandem/v1/inference_pb";

/** The details of errors are in no service's signature, but tools want to show them. */
const served: readonly DescFile[] = [
  file_rpc_tandem_v1_inference,
  file_rpc_grpc_health_v1_health,
  file_rpc_grpc_reflection_v1_reflection,
  file_rpc_google_rpc_status,
  ErrorInfoSchema.file,
];

const notFound = 5;
const unimplemented = 12;

interface Index {
  readonly files: ReadonlyMap<string, DescFile>;
  readonly bySymbol: ReadonlyMap<string, DescFile>;
  readonly services: readonly string[];
}

let built: Index | undefined;

/** Answers one request of a reflection stream. */
export function answerReflection(bytes: Uint8Array): Uint8Array {
  built ??= buildIndex();
  const request = fromBinary(ServerReflectionRequestSchema, bytes);
  const response = create(ServerReflectionResponseSchema, {
    validHost: request.host,
    originalRequest: request,
    messageResponse: messageResponse(request, built),
  });
  return toBinary(ServerReflectionResponseSchema, response);
}

type Answer = ServerReflectionResponse["messageResponse"];

function messageResponse({ messageRequest }: ServerReflectionRequest, index: Index): Answer {
  switch (messageRequest.case) {
    case "listServices": {
      const service = index.services.map((name) => ({ name }));
      return ofCase("listServicesResponse", { service });
    }
    case "fileByFilename":
      return fileAnswer(index.files.get(messageRequest.value), messageRequest.value);
    case "fileContainingSymbol":
      return fileAnswer(index.bySymbol.get(messageRequest.value), messageRequest.value);
    case "allExtensionNumbersOfType": {
      const baseTypeName = messageRequest.value;
      if (!index.bySymbol.has(baseTypeName)) return failure(notFound, baseTypeName);
      return ofCase("allExtensionNumbersResponse", { baseTypeName });
    }
    case "fileContainingExtension":
      return failure(notFound, messageRequest.value.containingType);
    default:
      return failure(unimplemented, "such a request");
  }
}

function ofCase(name: NonNullable<Answer["case"]>, value: object): Answer {
  const whole = create(ServerReflectionResponseSchema, {
    messageResponse: { case: name, value } as Answer,
  });
  return whole.messageResponse;
}

function failure(errorCode: number, what: string): Answer {
  return ofCase("errorResponse", { errorCode, errorMessage: `There is no ${what.slice(0, 200)}.` });
}

/** The file, and all that it imports: one question is enough then. */
function fileAnswer(file: DescFile | undefined, what: string): Answer {
  if (file === undefined) return failure(notFound, what);
  const files = new Map<string, DescFile>();
  collect(file, files);
  const fileDescriptorProto = [...files.values()].map(({ proto }) =>
    toBinary(FileDescriptorProtoSchema, proto),
  );
  return ofCase("fileDescriptorResponse", { fileDescriptorProto });
}

function collect(file: DescFile, into: Map<string, DescFile>): void {
  if (into.has(file.proto.name)) return;
  into.set(file.proto.name, file);
  for (const dependency of file.dependencies) collect(dependency, into);
}

function buildIndex(): Index {
  const files = new Map<string, DescFile>();
  for (const file of served) collect(file, files);
  const bySymbol = new Map<string, DescFile>();
  const services: string[] = [];
  for (const file of files.values()) {
    for (const { typeName } of file.enums) bySymbol.set(typeName, file);
    for (const message of file.messages) addMessage(message, file, bySymbol);
    for (const service of file.services) {
      bySymbol.set(service.typeName, file);
      services.push(service.typeName);
      for (const { name } of service.methods) bySymbol.set(`${service.typeName}.${name}`, file);
    }
  }
  return { files, bySymbol, services: services.sort() };
}

function addMessage(message: DescMessage, file: DescFile, into: Map<string, DescFile>): void {
  into.set(message.typeName, file);
  for (const nested of message.nestedMessages) addMessage(nested, file, into);
  for (const { typeName } of message.nestedEnums) into.set(typeName, file);
}
